// SPDX-License-Identifier: Apache-2.0
#include "host/swap_area.h"

#include "host/scratch_directory.h"
#include "host/swap_record.h"
#include "host/swap_table.h"
#include "host/test_processes.h"
#include "host/zram_disk.h"

#include <cstring>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace brim::host {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

std::uint32_t number_at(const std::string& page, std::size_t at) {
  std::uint32_t number = 0;
  std::memcpy(&number, page.data() + at, sizeof number);
  return number;
}

TEST(SwapHeader, Is_the_one_that_mkswap_writes) {
  const auto page = swap_header(mebibytes(64));
  ASSERT_TRUE(page);
  ASSERT_EQ(page->size(), static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)));
  EXPECT_EQ(page->substr(page->size() - 10), "SWAPSPACE2");
  EXPECT_EQ(number_at(*page, 1024), 1U) << "the version";
  EXPECT_EQ(number_at(*page, 1028), mebibytes(64).count() / page->size() - 1) << "the last page";
  EXPECT_EQ(number_at(*page, 1032), 0U) << "bad pages";
  EXPECT_EQ(page->substr(1052, 5), std::string("brim\0", 5));
  EXPECT_FALSE(swap_header(Bytes(9 * page->size())));
  EXPECT_TRUE(swap_header(Bytes(10 * page->size())));
  EXPECT_FALSE(swap_header(Bytes(~0ULL)));
}

TEST(SwapFiles, Have_all_their_blocks_and_nobody_else_reads_them) {
  const ScratchDirectory folder("/var/tmp");
  const auto file = make_nameless_swap_file(folder.path(), mebibytes(3), mebibytes(1));
  if (!file && file.error().code == ErrorCode::missing) GTEST_SKIP() << error_line(file.error());
  ASSERT_TRUE(file) << error_line(file.error());
  struct stat status {};
  ASSERT_EQ(::fstat(file->get(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0600U);
  EXPECT_EQ(static_cast<std::uint64_t>(status.st_size), mebibytes(3).count());
  EXPECT_GE(static_cast<std::uint64_t>(status.st_blocks) * 512, mebibytes(3).count());
  EXPECT_TRUE(std::filesystem::is_empty(folder.path())) << "no name yet";
  const auto named = name_swap_file(*file, folder.path());
  ASSERT_TRUE(named);
  EXPECT_EQ(named->inode, status.st_ino);
  ASSERT_TRUE(give_name(*file, *named));
  EXPECT_TRUE(std::filesystem::exists(named->path));
  EXPECT_TRUE(remove_swap_file(live_host(), *named));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SwapFiles, Where_they_cannot_be_is_refused_with_the_reason) {
  const ScratchDirectory memory("/dev/shm");
  const auto on_memory = make_nameless_swap_file(memory.path(), mebibytes(1), Bytes());
  ASSERT_FALSE(on_memory);
  EXPECT_EQ(on_memory.error().code, ErrorCode::missing);
  EXPECT_THAT(on_memory.error().what, HasSubstr("tmpfs"));
  const ScratchDirectory folder("/var/tmp");
  const auto too_large = make_nameless_swap_file(folder.path(), mebibytes(1), Bytes(1ULL << 60));
  ASSERT_FALSE(too_large);
  EXPECT_THAT(too_large.error().what, testing::AnyOf(HasSubstr("free"), HasSubstr("no swap file")));
  EXPECT_FALSE(make_nameless_swap_file(folder / "none", mebibytes(1), Bytes()));
}

TEST(SwapFiles, Another_file_of_the_same_name_is_left_alone) {
  const ScratchDirectory folder("/var/tmp");
  folder.write("brim-swap-1", "precious");
  struct stat status {};
  ASSERT_EQ(::stat((folder / "brim-swap-1").c_str(), &status), 0);
  const SwapFile other{folder / "brim-swap-1", status.st_dev, status.st_ino + 1};
  EXPECT_TRUE(remove_swap_file(fixture("group-hybrid"), other));
  EXPECT_EQ(folder.read("brim-swap-1"), "precious");
  const SwapFile elsewhere{folder / "brim-swap-1", status.st_dev + 1, status.st_ino};
  EXPECT_TRUE(remove_swap_file(fixture("group-hybrid"), elsewhere));
  EXPECT_EQ(folder.read("brim-swap-1"), "precious");
  std::filesystem::create_symlink("brim-swap-1", folder / "brim-swap-2");
  EXPECT_TRUE(remove_swap_file(fixture("group-hybrid"),
                               {folder / "brim-swap-2", status.st_dev, status.st_ino}));
  EXPECT_EQ(folder.read("brim-swap-1"), "precious");
}

TEST(SwapArea, Is_made_on_the_live_machine_only) {
  const ScratchDirectory scratch;
  const Host host = fixture("group-v2");
  const auto file = SwapArea::create_file(host, scratch / "swap", {scratch.path(), mebibytes(1)});
  ASSERT_FALSE(file);
  EXPECT_EQ(file.error().code, ErrorCode::missing);
  EXPECT_FALSE(SwapArea::create_zram(host, scratch / "swap", {mebibytes(1), ""}));
  const auto disk = ZramDisk::create(host, scratch / "swap", mebibytes(1));
  ASSERT_FALSE(disk);
  EXPECT_EQ(disk.error().code, ErrorCode::missing);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

TEST(SwapRecords, What_is_written_is_read_again) {
  const ScratchDirectory scratch;
  const Host host = live_host();
  const auto again = [&](const SwapHolding& holding) {
    const auto file = write_swap_record(host, scratch / "swap", holding);
    EXPECT_TRUE(file);
    return read_swap_record(file.value_or(""));
  };
  const auto file = again(SwapFile{"/x/brim-swap-7", 64768, 7});
  ASSERT_TRUE(file);
  EXPECT_EQ(std::get<SwapFile>(file->holding).path, "/x/brim-swap-7");
  EXPECT_EQ(std::get<SwapFile>(file->holding).device, 64768U);
  EXPECT_EQ(std::get<SwapFile>(file->holding).inode, 7U);
  EXPECT_EQ(file->owner.pid, ::getpid());
  const auto zram = again(ZramDevice{3, 17, mebibytes(64)});
  ASSERT_TRUE(zram);
  EXPECT_EQ(std::get<ZramDevice>(zram->holding).sequence, 17U);
  EXPECT_EQ(std::get<ZramDevice>(zram->holding).disksize, mebibytes(64));
  EXPECT_FALSE(std::get<ZramDevice>(again(ZramDevice{4, {}, Bytes()})->holding).sequence);
  EXPECT_THAT(std::get<AwaitedZram>(again(AwaitedZram{{0, 2}})->holding).before,
              testing::ElementsAre(0, 2));
  // Of a brim that lives: this one.
  EXPECT_THAT(remove_abandoned_swap(host, scratch / "swap"), IsEmpty());
  EXPECT_TRUE(std::filesystem::exists(
      fmt::format("{}/file7-{}-{}.json", scratch / "swap", ::getpid(), self().start_ticks())));
}

// A record as a killed brim leaves it, of this boot or another.
void leave_swap_record(const ScratchDirectory& scratch, const std::string& boot_id,
                       const std::string& holding) {
  scratch.write(
      "swap/left.json",
      fmt::format(R"({{{}, "boot_id": "{}", "owner_pid": 4194305, "owner_start_ticks": 1}})",
                  holding, boot_id));
}

TEST(SwapRecords, What_is_none_is_left_and_told) {
  const ScratchDirectory scratch;
  scratch.write("precious", "text");
  const std::string boot = live_host().read_value("/proc/sys/kernel/random/boot_id").value_or("");
  struct stat status {};
  ASSERT_EQ(::stat((scratch / "precious").c_str(), &status), 0);
  leave_swap_record(scratch, boot,
                    fmt::format(R"("swap": "file", "path": "{}", "device": {}, "inode": {})",
                                scratch / "precious", status.st_dev, status.st_ino));
  const auto lines = remove_abandoned_swap(live_host(), scratch / "swap");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), HasSubstr("not a record"));
  EXPECT_EQ(scratch.read("precious"), "text") << "not under brim's name";
  scratch.write("swap/left.json", "{");
  EXPECT_THAT(remove_abandoned_swap(live_host(), scratch / "swap").front(),
              HasSubstr("not a record"));
}

TEST(SwapRecords, A_file_outlives_the_boot_and_a_device_does_not) {
  const ScratchDirectory scratch("/var/tmp");
  scratch.write("brim-swap-1", "old");
  struct stat status {};
  ASSERT_EQ(::stat((scratch / "brim-swap-1").c_str(), &status), 0);
  leave_swap_record(scratch, "another boot",
                    fmt::format(R"("swap": "file", "path": "{}", "device": {}, "inode": {})",
                                scratch / "brim-swap-1", status.st_dev, status.st_ino));
  if (!read_swap_table(live_host())) GTEST_SKIP() << "this kernel has no swap";
  const auto lines = remove_abandoned_swap(live_host(), scratch / "swap");
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines.front(), HasSubstr("brim-swap-1"));
  EXPECT_FALSE(std::filesystem::exists(scratch / "brim-swap-1"));
  leave_swap_record(scratch, "another boot",
                    R"("swap": "zram", "number": 0, "sequence": null, "disksize": 0)");
  EXPECT_THAT(remove_abandoned_swap(live_host(), scratch / "swap"), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "swap"));
}

}  // namespace
}  // namespace brim::host
