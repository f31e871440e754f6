// SPDX-License-Identifier: Apache-2.0
#include "image/elf_layout.h"

#include <algorithm>
#include <cstring>
#include <optional>

#include <elf.h>
#include <fmt/format.h>

namespace brim::image {
namespace {

// No machine addresses more (x86-64 has 52 bits, others up to 56); sums of two stay below 2^64.
constexpr std::uint64_t kAddressLimit = std::uint64_t{1} << 62;

struct Elf64 {
  using Header = Elf64_Ehdr;
  using Program = Elf64_Phdr;
  using Section = Elf64_Shdr;
};
struct Elf32 {
  using Header = Elf32_Ehdr;
  using Program = Elf32_Phdr;
  using Section = Elf32_Shdr;
};

struct Parser {
  std::span<const std::byte> file;
  const std::string& name;

  [[nodiscard]] tl::unexpected<Error> bad(std::string what, std::uint64_t byte) const {
    return fail(ErrorCode::bad_input, std::move(what), fmt::format("{} at byte {}", name, byte));
  }

  // A structure of the file, if the file holds all of it.
  template <class T>
  [[nodiscard]] std::optional<T> at(std::uint64_t offset) const {
    if (offset > file.size() || file.size() - offset < sizeof(T)) return std::nullopt;
    T value;
    std::memcpy(&value, file.data() + offset, sizeof(T));
    return value;
  }
};

// e_phnum, or with PN_XNUM sh_info of section 0.
template <class Elf>
Result<std::uint64_t> count_of_headers(const Parser& parser, const typename Elf::Header& header) {
  if (header.e_phnum != PN_XNUM) return header.e_phnum;
  const auto section = parser.at<typename Elf::Section>(header.e_shoff);
  if (header.e_shoff == 0 || !section)
    return parser.bad(
        "e_phnum is PN_XNUM (0xffff), but section header 0, which has the real number "
        "of program headers, is not in the file",
        header.e_shoff);
  return section->sh_info;
}

template <class Elf>
Result<ElfSegment> check_segment(const Parser& parser, const typename Elf::Program& program,
                                 std::uint64_t number, std::uint64_t where) {
  const ElfSegment segment{number, program.p_paddr, program.p_offset, program.p_filesz,
                           program.p_memsz};
  if (segment.memory_size < segment.file_size)
    return parser.bad(fmt::format("program header {}: p_memsz {:#x} is less than p_filesz {:#x}",
                                  number, segment.memory_size, segment.file_size),
                      where);
  if (segment.address > kAddressLimit || segment.memory_size > kAddressLimit)
    return parser.bad(
        fmt::format("program header {}: p_paddr {:#x} with p_memsz {:#x} is beyond any "
                    "physical memory",
                    number, segment.address, segment.memory_size),
        where);
  const std::uint64_t size = parser.file.size();
  if (segment.offset > size || segment.file_size > size - segment.offset)
    return parser.bad(fmt::format("truncated: program header {} says {:#x} bytes from byte {:#x}, "
                                  "the file ends at byte {:#x}",
                                  number, segment.file_size, segment.offset, size),
                      where);
  return segment;
}

template <class Elf>
Result<std::vector<ElfSegment>> read_segments(const Parser& parser) {
  using Program = typename Elf::Program;
  const auto header = parser.at<typename Elf::Header>(0);
  if (!header)
    return parser.bad(
        fmt::format("truncated: an ELF header has {} bytes", sizeof(typename Elf::Header)),
        parser.file.size());
  if (header->e_type != ET_CORE)
    return parser.bad(fmt::format("an ELF file, but not a core (e_type is {}, expected 4): not a "
                                  "memory image; write one with virsh dump --memory-only",
                                  header->e_type),
                      offsetof(typename Elf::Header, e_type));
  BRIM_TRY(const std::uint64_t count, count_of_headers<Elf>(parser, *header));
  if (count > 0 && header->e_phentsize != sizeof(Program))
    return parser.bad(
        fmt::format("e_phentsize is {}, expected {}", header->e_phentsize, sizeof(Program)),
        offsetof(typename Elf::Header, e_phentsize));
  const std::uint64_t table = header->e_phoff;
  const std::uint64_t size = parser.file.size();
  if (table > size || count > (size - table) / sizeof(Program))
    return parser.bad(
        fmt::format("truncated: {} program headers from byte {:#x} don't fit in a file "
                    "of {:#x} bytes",
                    count, table, size),
        table);
  std::vector<ElfSegment> segments;
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t where = table + i * sizeof(Program);
    const auto program = parser.at<Program>(where);
    if (!program || program->p_type != PT_LOAD || program->p_filesz == 0) continue;
    BRIM_TRY(const ElfSegment segment, check_segment<Elf>(parser, *program, i, where));
    segments.push_back(segment);
  }
  return segments;
}

// Whether the second continues or repeats the first, so that one segment says the same. The first
// starts no later than the second.
bool unites_with(const ElfSegment& first, const ElfSegment& second) {
  return first.file_size == first.memory_size && second.file_size == second.memory_size &&
         second.address <= first.end() && second.offset >= first.offset &&
         second.address - first.address == second.offset - first.offset;
}

Result<std::vector<ElfSegment>> without_overlaps(std::vector<ElfSegment> segments,
                                                 const Parser& parser) {
  std::sort(segments.begin(), segments.end(), [](const ElfSegment& a, const ElfSegment& b) {
    return a.address != b.address ? a.address < b.address : a.header < b.header;
  });
  std::vector<ElfSegment> disjoint;
  for (const ElfSegment& segment : segments) {
    if (disjoint.empty() || segment.address > disjoint.back().end()) {
      disjoint.push_back(segment);
      continue;
    }
    ElfSegment& last = disjoint.back();
    if (unites_with(last, segment)) {
      const std::uint64_t end = std::max(last.end(), segment.end());
      last.file_size = last.memory_size = end - last.address;
      continue;
    }
    if (segment.address < last.end()) {
      const bool all_at_zero = segments.back().address == 0;
      return fail(
          ErrorCode::bad_input,
          fmt::format("program headers {} and {} overlap: both hold physical address {:#x}{}",
                      last.header, segment.header, segment.address,
                      all_at_zero ? " (p_paddr is 0 everywhere: the core of a process, not "
                                    "of a machine)"
                                  : ""),
          parser.name);
    }
    disjoint.push_back(segment);
  }
  return disjoint;
}

}  // namespace

Result<std::vector<ElfSegment>> parse_elf_core(std::span<const std::byte> file,
                                               const std::string& name) {
  const Parser parser{file, name};
  if (file.size() < EI_NIDENT)
    return parser.bad("truncated: it ends within the ELF header", file.size());
  if (std::memcmp(file.data(), ELFMAG, SELFMAG) != 0) return parser.bad("not an ELF file", 0);
  const auto class_byte = static_cast<unsigned char>(file[EI_CLASS]);
  const auto data_byte = static_cast<unsigned char>(file[EI_DATA]);
  if (data_byte != ELFDATA2LSB)
    return parser.bad(fmt::format("EI_DATA is {}, expected 1: brim reads little-endian ELF cores "
                                  "only",
                                  data_byte),
                      EI_DATA);
  if (class_byte != ELFCLASS64 && class_byte != ELFCLASS32)
    return parser.bad(
        fmt::format("EI_CLASS is {}, expected 1 (32 bits) or 2 (64 bits)", class_byte), EI_CLASS);
  BRIM_TRY(auto segments,
           class_byte == ELFCLASS64 ? read_segments<Elf64>(parser) : read_segments<Elf32>(parser));
  if (segments.empty())
    return fail(ErrorCode::bad_input,
                "an ELF core without memory: no PT_LOAD segment has bytes in "
                "the file",
                name);
  return without_overlaps(std::move(segments), parser);
}

}  // namespace brim::image
