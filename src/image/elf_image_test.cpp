// SPDX-License-Identifier: Apache-2.0
#include "image/elf_layout.h"
#include "image/test_files.h"

#include <map>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::HasSubstr;

std::uint64_t pages_of(std::span<const Extent> extents) {
  return std::accumulate(
      extents.begin(), extents.end(), std::uint64_t{0},
      [](std::uint64_t sum, const Extent& extent) { return sum + extent.count.count(); });
}

// What a set of segments means, the slow and obvious way: byte by byte.
struct Expected {
  std::map<std::uint64_t, ByteVector> pages;    // by frame
  std::map<std::uint64_t, std::uint64_t> held;  // by frame: bytes of it that the file holds

  explicit Expected(std::span<const ElfSegmentSpec> segments) {
    for (const ElfSegmentSpec& segment : segments) {
      if (segment.content.empty() || segment.type != PT_LOAD) continue;
      const std::uint64_t size =
          std::max<std::uint64_t>(segment.memory_size, segment.content.size());
      for (std::uint64_t i = 0; i < size; ++i) {
        const std::uint64_t address = segment.address + i;
        ByteVector& page = pages.try_emplace(address / kPageSize, kPageSize).first->second;
        if (i >= segment.content.size()) continue;
        page[address % kPageSize] = segment.content[i];
        ++held[address / kPageSize];
      }
    }
  }
  [[nodiscard]] std::uint64_t padded() const {
    return static_cast<std::uint64_t>(std::count_if(
        held.begin(), held.end(), [](const auto& page) { return page.second < kPageSize; }));
  }
  // Pages that are named only.
  [[nodiscard]] std::uint64_t missing() const {
    return static_cast<std::uint64_t>(std::count_if(
        pages.begin(), pages.end(), [&](const auto& page) { return held.count(page.first) == 0; }));
  }
};

// Random segments that don't overlap: aligned or not, with gaps of any size, some filtered,
// some of them only at their end, shuffled in the file.
std::vector<ElfSegmentSpec> random_segments(Rng& rng) {
  std::vector<ElfSegmentSpec> segments;
  std::uint64_t address = rng.below(4) * rng.below(10000);
  const std::uint64_t count = 1 + rng.below(8);
  const bool aligned = rng.chance(0.3);
  for (std::uint64_t i = 0; i < count; ++i) {
    ElfSegmentSpec segment;
    if (rng.chance(0.1)) segment.type = PT_NOTE;
    if (rng.chance(0.7)) address += rng.below(3 * kPageSize);
    std::uint64_t size = 1 + rng.below(5 * kPageSize);
    if (aligned) {
      address = (address + kPageSize - 1) / kPageSize * kPageSize;
      size = (size + kPageSize - 1) / kPageSize * kPageSize;
    }
    segment.address = address;
    if (rng.chance(0.9)) segment.content = random_bytes(rng, size);
    if (rng.chance(0.2)) size += rng.below(3 * kPageSize);
    segment.memory_size = size;
    address += size;
    segments.push_back(std::move(segment));
  }
  rng.shuffle(std::span(segments));
  return segments;
}

void expect_pages(const RamImage& image, const Expected& expected, std::uint64_t step) {
  std::vector<GuestFrame> unavailable;
  EXPECT_EQ(pages_of(image.extents()), expected.held.size());
  EXPECT_EQ(image.missing_pages().count(), expected.missing());
  EXPECT_EQ(image.padded_pages().count(), expected.padded());
  std::uint64_t end = 0;
  for (const Extent& extent : image.extents()) {
    EXPECT_TRUE(end == 0 || extent.first.number() > end) << "extents that touch are one";
    end = extent.first.number() + extent.count.count();
    const ByteVector bytes = read_all(image, extent, step, unavailable);
    ASSERT_EQ(bytes.size(), bytes_of(extent.count).count());
    for (std::uint64_t i = 0; i < extent.count.count(); ++i) {
      const auto page = expected.pages.find(extent.first.number() + i);
      ASSERT_NE(page, expected.pages.end()) << "frame " << extent.first.number() + i;
      EXPECT_TRUE(std::equal(page->second.begin(), page->second.end(),
                             bytes.begin() + static_cast<std::ptrdiff_t>(i * kPageSize)))
          << "frame " << page->first;
    }
  }
  for (const Extent& extent : image.zero_extents())
    for (std::uint64_t i = 0; i < extent.count.count(); ++i)
      EXPECT_EQ(expected.pages.at(extent.first.number() + i), ByteVector(kPageSize));
  EXPECT_TRUE(unavailable.empty());
  EXPECT_TRUE(image.check_intact());
}

TEST(ElfImage, Random_segments_read_back_as_they_were_planted) {
  const Rng seed(1);
  for (std::uint64_t i = 0; i < 150; ++i) {
    SCOPED_TRACE(i);
    Rng rng = seed.split("segments", i);
    const auto segments = random_segments(rng);
    const Expected expected(segments);
    if (expected.pages.empty()) continue;
    const std::size_t gap = rng.chance(0.5) ? 0 : rng.below(6000);
    const TemporaryFile file(rng.chance(0.7) ? elf64_core(segments, gap)
                                             : elf32_core(segments, gap));
    const auto image = open_ram_image(file.path());
    ASSERT_TRUE(image) << error_line(image.error());
    EXPECT_EQ((*image)->format(), ImageFormat::elf);
    expect_pages(**image, expected, 1 + rng.below(20));
  }
}

TEST(ElfImage, Sixty_thousand_and_more_program_headers_are_read_through_section_zero) {
  Rng rng(2);
  std::vector<ElfSegmentSpec> segments;
  for (std::uint64_t i = 0; i < 70000; ++i)
    segments.push_back({i * 2 * kPageSize, random_bytes(rng, 16), kPageSize, PT_LOAD});
  const TemporaryFile file(elf64_core(segments));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  ASSERT_EQ((*image)->extents().size(), segments.size());
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  const auto page = (*image)->read(GuestFrame(2 * 69999), Pages(1), scratch, unavailable);
  ASSERT_TRUE(page);
  EXPECT_TRUE(
      std::equal(segments[69999].content.begin(), segments[69999].content.end(), page->begin()));
}

// As makedumpfile -E writes them: filtered pages shorten the file part of their segment.
TEST(ElfImage, Pages_beyond_a_segments_file_part_are_missing_not_zero) {
  Rng rng(3);
  const std::uint64_t half = kPageSize / 2;
  const std::vector<ElfSegmentSpec> segments = {
      {0, random_bytes(rng, 2 * kPageSize), 5 * kPageSize, PT_LOAD},
      {0x10000, random_bytes(rng, half), 3 * kPageSize + half, PT_LOAD},
      {0x13000 + half, random_bytes(rng, half), 0, PT_LOAD}};
  const TemporaryFile file(elf64_core(segments));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  EXPECT_EQ(pages_of((*image)->extents()), 4U);
  EXPECT_TRUE((*image)->zero_extents().empty());
  EXPECT_EQ((*image)->padded_pages(), Pages(2));
  EXPECT_EQ((*image)->missing_pages(), Pages(5));
}

// A header may name all the memory there could be, many times over.
TEST(ElfImage, Memory_that_is_only_named_costs_nothing) {
  Rng rng(4);
  std::vector<ElfSegmentSpec> segments;
  constexpr std::uint64_t kNamed = 1ULL << 46;
  for (std::uint64_t i = 0; i < 1000; ++i)
    segments.push_back({i * kNamed, random_bytes(rng, kPageSize), kNamed, PT_LOAD});
  const TemporaryFile file(elf64_core(segments));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  EXPECT_EQ((*image)->extents().size(), 1000U);
  EXPECT_EQ(pages_of((*image)->extents()), 1000U);
  EXPECT_EQ((*image)->missing_pages(), Pages(1000 * (kNamed / kPageSize - 1)));
}

TEST(ElfImage, Holes_of_a_sparse_core_are_known_zeros) {
  Rng rng(9);
  const std::uint64_t pages = 1024;
  const ByteVector content = random_bytes(rng, pages * kPageSize);
  const ByteVector core = elf64_core(std::vector<ElfSegmentSpec>{{0, content, 0, PT_LOAD}});
  const auto headers = std::span(core).first(core.size() - content.size());
  const TemporaryFile file(headers);
  file.truncate(core.size());
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_GT(pages_of((*image)->zero_extents()), pages - 100);
}

TEST(ElfImage, Pages_within_one_segment_come_straight_from_the_mapping) {
  Rng rng(4);
  const std::vector<ElfSegmentSpec> segments = {
      {0x100000, random_bytes(rng, 64 * kPageSize), 0, PT_LOAD}};
  const TemporaryFile file(elf64_core(segments, 1000));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  const auto pages = (*image)->read(GuestFrame(0x100), Pages(64), scratch, unavailable);
  ASSERT_TRUE(pages);
  EXPECT_TRUE(scratch.empty());
}

TEST(ElfImage, Aliases_of_the_same_bytes_are_one_segment_other_overlaps_are_named) {
  Rng rng(5);
  const std::vector<ElfSegmentSpec> segments = {{0, random_bytes(rng, 4 * kPageSize), 0, PT_LOAD},
                                                {0x8000, random_bytes(rng, kPageSize), 0, PT_LOAD}};
  ByteVector bytes = elf64_core(segments);
  Elf64_Phdr first;
  std::memcpy(&first, bytes.data() + program_header_at(0), sizeof(first));
  Elf64_Phdr alias = first;  // of the first segment's second page, as QEMU's paging=true writes it
  alias.p_paddr += kPageSize;
  alias.p_offset += kPageSize;
  alias.p_filesz = alias.p_memsz = kPageSize;
  put_value(bytes, program_header_at(1), alias);
  const TemporaryFile aliased(bytes);
  const auto image = open_ram_image(aliased.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_EQ(pages_of((*image)->extents()), 4U);

  alias.p_offset += 1;
  put_value(bytes, program_header_at(1), alias);
  const TemporaryFile overlapping(bytes);
  EXPECT_THAT(error_of(overlapping.path()),
              HasSubstr("program headers 0 and 1 overlap: both hold physical address 0x1000"));
}

struct HostileHeader {
  const char* name;
  void (*damage)(ByteVector&);
  const char* expected;
};

template <class Change>
void change_program(ByteVector& bytes, std::size_t number, Change change) {
  Elf64_Phdr program;
  std::memcpy(&program, bytes.data() + program_header_at(number), sizeof(program));
  change(program);
  put_value(bytes, program_header_at(number), program);
}
template <class Change>
void change_header(ByteVector& bytes, Change change) {
  Elf64_Ehdr header;
  std::memcpy(&header, bytes.data(), sizeof(header));
  change(header);
  put_value(bytes, 0, header);
}

constexpr std::uint64_t kHuge = std::uint64_t{1} << 63;

const HostileHeader kHostileHeaders[] = {
    {"offset of 2^63",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_offset = kHuge; }); },
     "truncated: program header 1 says 0x1000 bytes from byte 0x8000000000000000"},
    {"offset and size that overflow",
     [](ByteVector& b) {
       change_program(b, 1, [](Elf64_Phdr& p) {
         p.p_offset = UINT64_MAX - 0xfff;
         p.p_filesz = p.p_memsz = 0x2000;
       });
     },
     "truncated: program header 1"},
    {"address at the end of 64 bits",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_paddr = UINT64_MAX; }); },
     "program header 1: p_paddr 0xffffffffffffffff with p_memsz 0x1000 is beyond any"},
    {"memory size that overflows",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_memsz = UINT64_MAX; }); },
     "is beyond any physical memory"},
    {"memory smaller than file",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_memsz = 1; }); },
     "program header 1: p_memsz 0x1 is less than p_filesz 0x1000"},
    {"truncated segment", [](ByteVector& b) { b.pop_back(); },
     "truncated: program header 1 says 0x1000 bytes"},
    {"truncated program headers", [](ByteVector& b) { b.resize(program_header_at(1)); },
     "truncated: 2 program headers"},
    {"truncated ELF header", [](ByteVector& b) { b.resize(40); }, "truncated: an ELF header"},
    {"header table at 2^63",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_phoff = kHuge; }); },
     "truncated: 2 program headers from byte 0x8000000000000000"},
    {"entries of another size",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_phentsize = 32; }); },
     "e_phentsize is 32, expected 56"},
    {"no program headers",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_phnum = 0; }); },
     "an ELF core without memory"},
    {"PN_XNUM without sections",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_phnum = PN_XNUM; }); },
     "section header 0"},
    {"PN_XNUM with sections beyond the file",
     [](ByteVector& b) {
       change_header(b, [](Elf64_Ehdr& h) {
         h.e_phnum = PN_XNUM;
         h.e_shoff = kHuge;
       });
     },
     "section header 0"},
    {"PN_XNUM with 2^32 - 1 headers",
     [](ByteVector& b) {
       change_header(b, [](Elf64_Ehdr& h) {
         h.e_phnum = PN_XNUM;
         h.e_shoff = sizeof(Elf64_Ehdr);
       });
       Elf64_Shdr section = {};
       section.sh_info = UINT32_MAX;
       put_value(b, sizeof(Elf64_Ehdr), section);
     },
     "truncated: 4294967295 program headers"},
    {"big-endian",
     [](ByteVector& b) {
       change_header(b, [](Elf64_Ehdr& h) {
         h.e_ident[EI_DATA] = ELFDATA2MSB;
         h.e_type = ET_CORE << 8;
       });
     },
     "little-endian ELF cores only"},
    {"unknown class",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = 9; }); },
     "EI_CLASS is 9"},
    {"a program", [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_type = ET_DYN; }); },
     "an ELF program or library, not a core"},
    {"an unknown type",
     [](ByteVector& b) { change_header(b, [](Elf64_Ehdr& h) { h.e_type = 77; }); },
     "e_type is 77, expected 4"},
    {"the same memory twice",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_paddr = 0x800; }); },
     "program headers 0 and 1 overlap: both hold physical address 0x800"},
    {"a process's core",
     [](ByteVector& b) { change_program(b, 1, [](Elf64_Phdr& p) { p.p_paddr = 0; }); },
     "the core of a process, not of a machine"},
};

TEST(ElfImage, Hostile_headers_are_one_clear_line_each) {
  Rng rng(6);
  for (const HostileHeader& hostile : kHostileHeaders) {
    SCOPED_TRACE(hostile.name);
    const std::vector<ElfSegmentSpec> segments = {
        {0, random_bytes(rng, kPageSize), 0, PT_LOAD},
        {0x10000, random_bytes(rng, kPageSize), 0, PT_LOAD}};
    ByteVector bytes = elf64_core(segments);
    hostile.damage(bytes);
    const TemporaryFile file(bytes);
    const auto image = open_ram_image(file.path());
    ASSERT_FALSE(image);
    EXPECT_EQ(image.error().code, ErrorCode::bad_input);
    EXPECT_THAT(error_line(image.error()), HasSubstr(hostile.expected));
    EXPECT_THAT(error_line(image.error()), HasSubstr(file.path()));
  }
}

TEST(ElfImage, A_filtered_segment_is_absent_whatever_its_offset_says) {
  Rng rng(7);
  std::vector<ElfSegmentSpec> segments = {{0, random_bytes(rng, kPageSize), 0, PT_LOAD},
                                          {0x10000, {}, 0x5000, PT_LOAD}};
  ByteVector bytes = elf64_core(segments);
  change_program(bytes, 1, [](Elf64_Phdr& p) { p.p_offset = UINT64_MAX; });
  const TemporaryFile file(bytes);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  EXPECT_EQ(pages_of((*image)->extents()), 1U);
}

}  // namespace
}  // namespace brim::image
