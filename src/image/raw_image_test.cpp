// SPDX-License-Identifier: Apache-2.0
#include "image/detect.h"
#include "image/test_files.h"

#include <atomic>
#include <numeric>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace brim::image {
namespace {

using namespace test;
using ::testing::HasSubstr;

TEST(RawImage, Pages_are_the_files_and_the_last_part_is_padded_with_zeros) {
  Rng rng(1);
  for (const std::size_t size : {std::size_t{1}, kPageSize - 1, kPageSize, kPageSize + 1,
                                 5 * kPageSize, 40 * kPageSize + 123}) {
    SCOPED_TRACE(size);
    ByteVector content = random_bytes(rng, size);
    const TemporaryFile file(content);
    const auto image = open_ram_image(file.path());
    ASSERT_TRUE(image) << error_line(image.error());
    EXPECT_EQ((*image)->format(), ImageFormat::raw);
    EXPECT_EQ((*image)->padded_pages(), Pages(size % kPageSize != 0 ? 1 : 0));
    ASSERT_EQ((*image)->extents().size(), 1U);
    std::vector<GuestFrame> unavailable;
    content.resize((size + kPageSize - 1) / kPageSize * kPageSize);
    EXPECT_EQ(read_all(**image, (*image)->extents()[0], 64, unavailable), content);
    EXPECT_TRUE((*image)->check_intact());
  }
}

TEST(RawImage, What_others_write_behind_the_end_into_their_mapping_is_not_the_files) {
  Rng rng(2);
  const TemporaryFile file(random_bytes(rng, 100));
  void* other = ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(other, MAP_FAILED);
  std::memset(static_cast<char*>(other) + 100, 'x', kPageSize - 100);
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  const auto page = (*image)->read(GuestFrame(0), Pages(1), scratch, unavailable);
  ASSERT_TRUE(page);
  EXPECT_TRUE(std::all_of(page->begin() + 100, page->end(),
                          [](std::byte byte) { return byte == std::byte{0}; }));
  ::munmap(other, kPageSize);
}

#ifdef __SANITIZE_THREAD__
// ThreadSanitizer leaves a program little more than 1 TiB of addresses for all its mappings.
constexpr std::uint64_t kSparseBytes = std::uint64_t{1} << 38;
#else
constexpr std::uint64_t kSparseBytes = std::uint64_t{1} << 40;
#endif

TEST(RawImage, Holes_of_a_sparse_file_are_known_zeros_and_data_never_is) {
  Rng rng(3);
  const TemporaryFile file;
  const std::uint64_t size = kSparseBytes + 100;  // and a part of a page
  file.truncate(size);
  struct stat status = {};
  ASSERT_EQ(::fstat(file.fd(), &status), 0);
  ASSERT_EQ(status.st_blocks, 0) << "this filesystem has no sparse files";
  const std::vector<std::uint64_t> frames = {0, 1000, 1001, kSparseBytes / kPageSize - 1};
  for (const std::uint64_t frame : frames)
    file.write_at(frame * kPageSize + 10, random_bytes(rng, 5));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image) << error_line(image.error());
  const auto zeros = (*image)->zero_extents();
  std::uint64_t zero_pages = 0;
  std::uint64_t end = 0;
  for (const Extent& extent : zeros) {
    EXPECT_GE(extent.first.number(), end);
    end = extent.first.number() + extent.count.count();
    zero_pages += extent.count.count();
    for (const std::uint64_t frame : frames)
      EXPECT_FALSE(frame >= extent.first.number() && frame < end) << frame;
  }
  const std::uint64_t all = (*image)->extents()[0].count.count();
  EXPECT_EQ(all, kSparseBytes / kPageSize + 1);
  EXPECT_LE(end, all);
  EXPECT_GT(zero_pages, all - 1000) << "nearly all of it is holes";
}

// Reads all pages the way a scan does, and says how it ended.
Result<std::uint64_t> sum_all(const RamImage& image, std::atomic<std::uint64_t>& progress) {
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  std::uint64_t sum = 0;
  const std::uint64_t count = image.extents()[0].count.count();
  for (std::uint64_t at = 0; at < count; at += 64) {
    BRIM_TRY(const auto pages,
             image.read(GuestFrame(at), Pages(std::min<std::uint64_t>(64, count - at)), scratch,
                        unavailable));
    for (const std::byte byte : pages) sum += static_cast<std::uint64_t>(byte);
    BRIM_CHECK(image.check_intact());
    ++progress;
  }
  return sum;
}

TEST(RawImage, A_file_that_shrinks_after_the_pages_were_handed_out_is_told_not_fatal) {
  Rng rng(4);
  const TemporaryFile file(random_bytes(rng, 64 * kPageSize));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  Scratch scratch;
  std::vector<GuestFrame> unavailable;
  const auto pages = (*image)->read(GuestFrame(0), Pages(64), scratch, unavailable);
  ASSERT_TRUE(pages);
  EXPECT_TRUE((*image)->check_intact());
  file.truncate(10 * kPageSize);
  const auto sum = std::accumulate(
      pages->begin(), pages->end(), 0U,
      [](unsigned so_far, std::byte byte) { return so_far + static_cast<unsigned>(byte); });
  EXPECT_GT(sum, 0U);
  const auto intact = (*image)->check_intact();
  ASSERT_FALSE(intact);
  EXPECT_EQ(intact.error().code, ErrorCode::gone);
  EXPECT_THAT(error_line(intact.error()), HasSubstr("shrank while being read"));
  EXPECT_THAT(error_line(intact.error()), HasSubstr(file.path()));

  file.truncate(64 * kPageSize);  // grown again: what was handed out stays wrong
  EXPECT_EQ((*image)->check_intact().error().code, ErrorCode::io);
}

TEST(RawImage, A_file_that_shrinks_by_less_than_a_page_is_told) {
  Rng rng(5);
  const TemporaryFile file(random_bytes(rng, kPageSize + 200));
  const auto image = open_ram_image(file.path());
  ASSERT_TRUE(image);
  file.truncate(kPageSize + 100);
  ASSERT_FALSE((*image)->check_intact());
  EXPECT_EQ((*image)->check_intact().error().code, ErrorCode::gone);
}

TEST(RawImage, Threads_that_read_while_the_file_shrinks_all_learn_of_it) {
  Rng rng(6);
  const ByteVector content = random_bytes(rng, 256 * kPageSize);
  for (int round = 0; round < 20; ++round) {
    const TemporaryFile file(content);
    const TemporaryFile other(content);
    const auto image = open_ram_image(file.path());
    const auto other_image = open_ram_image(other.path());
    ASSERT_TRUE(image && other_image);
    std::atomic<std::uint64_t> progress{0};
    std::atomic<int> gone{0};
    std::vector<std::thread> readers;
    readers.reserve(4);
    for (int i = 0; i < 4; ++i)
      readers.emplace_back([&] {
        while (true) {
          const auto sum = sum_all(**image, progress);
          if (sum) continue;
          if (sum.error().code == ErrorCode::gone) ++gone;
          return;
        }
      });
    while (progress < 4) std::this_thread::yield();
    file.truncate(rng.below(200) * kPageSize + rng.below(kPageSize));
    for (std::thread& reader : readers) reader.join();
    EXPECT_EQ(gone, 4);
    std::atomic<std::uint64_t> unused{0};
    EXPECT_TRUE(sum_all(**other_image, unused)) << "another image is not touched by it";
  }
}

TEST(RawImageDeathTest, A_SIGBUS_elsewhere_still_ends_the_process) {
  ::testing::FLAGS_gtest_death_test_style = "threadsafe";
  Rng rng(7);
  const TemporaryFile image_file(random_bytes(rng, kPageSize));
  const TemporaryFile file(random_bytes(rng, kPageSize));
  const auto image = open_ram_image(image_file.path());
  ASSERT_TRUE(image);
  void* mapping = ::mmap(nullptr, kPageSize, PROT_READ, MAP_SHARED, file.fd(), 0);
  ASSERT_NE(mapping, MAP_FAILED);
  file.truncate(0);
  // The process that is to die runs this test up to here and then can't clean up.
  for (const std::string& path : {image_file.path(), file.path()}) ::unlink(path.c_str());
  EXPECT_DEATH((void)*static_cast<volatile char*>(mapping), "");
  EXPECT_DEATH(::raise(SIGBUS), "");
  ::munmap(mapping, kPageSize);
}

struct ForeignFile {
  std::string_view first_bytes;
  const char* expected;
};
using namespace std::string_view_literals;
const ForeignFile kForeignFiles[] = {
    {"QEVM\0\0\0\3"sv,
     "QEMU migration stream (savevm), not a RAM image brim reads; from a running"},
    {"QFI\xfb\0\0\0\3"sv, "qcow2 disk image"},
    {"EMiL\1\0\0\0"sv, "LiME memory dump, not a RAM image brim reads; take it with format=raw"},
    {"PAGEDU64"sv, "Windows crash dump (64 bits)"},
    {"PAGEDUMP"sv, "Windows crash dump (32 bits)"},
    {"\xd2\xbe\xd2\xbe\x08\0\0\0"sv,
     "VMware suspend or snapshot file, not a RAM image brim reads; "
     "give the .vmem file beside it"},
    {"Xen saved domain, xl format\n"sv, "Xen save file"},
    {"\xff\xff\xff\xff\xff\xff\xff\xffXENF\0\0\0\3"sv, "Xen migration stream"},
    {"LibvirtQemudSave"sv, "virsh save"},
    {"\x1f\x8b\x08\0"sv, "gzip-compressed file, not a RAM image brim reads; decompress it first"},
    {"\xfd"
     "7zXZ\0\0"sv,
     "xz-compressed"},
    {"\x28\xb5\x2f\xfd"sv, "zstd-compressed"},
};

TEST(Detection, Foreign_dumps_are_named_and_the_way_out_is_told) {
  for (const ForeignFile& foreign : kForeignFiles) {
    ByteVector content = bytes_of_text(foreign.first_bytes);
    content.resize(8192);
    const TemporaryFile file(content);
    const auto image = open_ram_image(file.path());
    ASSERT_FALSE(image) << foreign.expected;
    EXPECT_EQ(image.error().code, ErrorCode::bad_input);
    EXPECT_THAT(error_line(image.error()), HasSubstr(foreign.expected));
  }
}

TEST(Detection, What_merely_resembles_a_magic_is_raw_memory) {
  for (const std::string_view text :
       {"QEVN"sv, "\x7f"sv, "KDUMP X"sv, "makedumpfiles"sv, "\x1f\x8b"sv, "QE"sv,
        "\xff\xff\xff\xff\xff\xff\xff\xffXENG"sv})
    EXPECT_EQ(detect(bytes_of_text(text)).kind, FileKind::raw) << text;
}

TEST(Detection, A_file_that_ends_within_a_magic_is_truncated_not_raw_memory) {
  for (const std::string_view text :
       {"QEV"sv,
        "\x7f"
        "EL"sv,
        "KDU"sv, "KDUMP"sv, "makedumpfile"sv, "\xff\xff\xff\xff\xff\xff\xff\xffXEN"sv}) {
    const TemporaryFile file(bytes_of_text(text));
    EXPECT_THAT(error_of(file.path()), HasSubstr(": truncated: it ends within")) << text;
  }
  const TemporaryFile elf(
      bytes_of_text("\x7f"
                    "ELF\2\1\1\0\0\0"sv));
  EXPECT_THAT(error_of(elf.path()), HasSubstr("truncated: it ends within the ELF header"));
}

TEST(Detection, What_is_no_file_is_refused_without_waiting) {
  EXPECT_THAT(error_of(::testing::TempDir()),
              HasSubstr("a directory; a RAM image is a regular file"));
  EXPECT_THAT(error_of("/dev/zero"), HasSubstr("a character device"));
  EXPECT_THAT(error_of("/nonexistent/image"), HasSubstr("No such file"));
  const TemporaryFile empty;
  EXPECT_THAT(error_of(empty.path()), HasSubstr("an empty file holds no RAM image"));
  const std::string fifo = empty.path() + ".fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  EXPECT_THAT(error_of(fifo), HasSubstr("a FIFO"));
  ::unlink(fifo.c_str());
}

}  // namespace
}  // namespace brim::image
