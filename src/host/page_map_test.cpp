// SPDX-License-Identifier: Apache-2.0
#include "host/page_map.h"

#include "host/frame_table.h"
#include "host/test_processes.h"

#include <algorithm>
#include <array>
#include <cstring>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

bool may_see_frames() { return sees_frames(live_host()); }

TEST(PageMapEntry, Bits_are_those_of_the_kernels_documentation) {
  const PageMapEntry present(1ULL << 63 | 1ULL << 56 | 0x123456);
  EXPECT_TRUE(present.present());
  EXPECT_TRUE(present.exclusive());
  EXPECT_FALSE(present.swapped());
  EXPECT_EQ(present.frame(), HostFrame(0x123456));
  const PageMapEntry swapped(1ULL << 62 | 0x123456);
  EXPECT_TRUE(swapped.swapped());
  EXPECT_EQ(swapped.frame(), HostFrame(0));  // a swap offset is no frame
  EXPECT_EQ(PageMapEntry(~0ULL).frame(), HostFrame((1ULL << 55) - 1));
}

TEST(FixturePageMap, Entries_are_those_of_the_file_and_nothing_past_its_end) {
  const Host host = fixture("debian-6.18-hybrid");
  const Process process = std::move(Process::open(host, 4242)).value();
  const PageMap map = std::move(PageMap::open(process)).value();
  std::array<PageMapEntry, 6> entries{};
  entries.fill(PageMapEntry(7));
  ASSERT_TRUE(map.read(VirtualPage(0), entries));
  EXPECT_TRUE(entries[0].present() && entries[0].exclusive());
  EXPECT_EQ(entries[0].frame(), HostFrame(2));
  EXPECT_EQ(entries[1].frame(), HostFrame(3));
  EXPECT_EQ(entries[2].raw(), 0U);
  EXPECT_TRUE(entries[3].swapped());
  EXPECT_EQ(entries[4].raw(), 0U);  // past the end
  EXPECT_EQ(entries[5].raw(), 0U);
  EXPECT_TRUE(sees_frames(host));
}

TEST(FixturePageMap, A_host_without_the_files_says_so) {
  const Host host = fixture("no-ksm");
  EXPECT_FALSE(sees_frames(host));
  EXPECT_EQ(PageMap::open(std::move(Process::open(host, 812)).value()).error().code,
            ErrorCode::missing);
}

TEST(PageMapLive, Touched_pages_are_present_and_others_are_not) {
  const OwnPages pages(600);
  for (std::size_t page = 0; page < 600; page += 3) pages.touch(page, 1);
  const PageMap map = std::move(PageMap::open(self())).value();
  std::vector<PageMapEntry> entries(600);
  ASSERT_TRUE(map.read(pages.first(), entries));
  for (std::size_t page = 0; page < 600; ++page) {
    EXPECT_EQ(entries[page].present(), page % 3 == 0) << page;
    EXPECT_FALSE(entries[page].file_or_shared_anonymous()) << page;
    EXPECT_EQ(entries[page].frame().number() != 0, page % 3 == 0 && may_see_frames()) << page;
  }
}

TEST(PageMapLive, Shared_memory_is_told_apart) {
  const Fd file(::memfd_create("brim-test", MFD_CLOEXEC));
  ASSERT_EQ(::ftruncate(file.get(), 2 * kPageSize), 0);
  const OwnPages pages(2, MAP_SHARED, file.get());
  pages.touch(0, 1);
  const PageMap map = std::move(PageMap::open(self())).value();
  std::array<PageMapEntry, 2> entries{};
  ASSERT_TRUE(map.read(pages.first(), entries));
  EXPECT_TRUE(entries[0].present() && entries[0].file_or_shared_anonymous());
  EXPECT_FALSE(entries[1].present());
}

TEST(PageMapLive, The_zero_pages_frame_has_its_flag) {
  if (!may_see_frames()) GTEST_SKIP() << "frame numbers need CAP_SYS_ADMIN";
  const auto frame = zero_page_frame();
  ASSERT_TRUE(frame.has_value());
  const auto table = FrameTable::open(live_host());
  ASSERT_TRUE(table.has_value());
  std::uint64_t flags = 0;
  ASSERT_TRUE(table->read(std::span(&*frame, 1), std::span(&flags, 1), {}));
  EXPECT_TRUE(has(flags, PageFlag::zero_page));
}

TEST(PageMapLive, Beyond_the_address_space_there_is_nothing) {
  const PageMap map = std::move(PageMap::open(self())).value();
  std::array<PageMapEntry, 4> entries{};
  for (const std::uint64_t first : {1ULL << 51, 1ULL << 52, ~0ULL >> 12, ~0ULL - 3}) {
    entries.fill(PageMapEntry(7));
    ASSERT_TRUE(map.read(VirtualPage(first), entries)) << first;
    for (const PageMapEntry entry : entries) EXPECT_EQ(entry.raw(), 0U);
  }
  EXPECT_TRUE(map.read(VirtualPage(0), {}));
}

TEST(PageMapLive, The_first_populated_page_is_found_beyond_empty_terabytes) {
  constexpr std::size_t kReserved = std::size_t{1} << 42;
  void* reserved = ::mmap(nullptr, kReserved, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (reserved == MAP_FAILED) GTEST_SKIP() << "4 TiB of address space are not to be had";
  const VirtualPage first(reinterpret_cast<std::uintptr_t>(reserved) >> kPageShift);
  const VirtualPage end = first + kReserved / kPageSize;
  const std::size_t touched = kReserved / kPageSize / 3;
  static_cast<volatile char*>(reserved)[touched * kPageSize] = 1;
  const PageMap map = std::move(PageMap::open(self())).value();
  const VirtualPage found = map.first_populated(first, end);
  // Transparent huge pages may have made the whole 2 MiB around it present.
  if (found != first) {  // Linux 6.7 and later
    EXPECT_LE(found, first + touched);
    EXPECT_LT(first + touched - found, kPagesPerHuge);
    EXPECT_EQ(map.first_populated(first + touched, end), first + touched);
    EXPECT_EQ(map.first_populated(first + touched + kPagesPerHuge, end), end);
  }
  EXPECT_EQ(map.first_populated(end, end), end);
  ::munmap(reserved, kReserved);
}

TEST(PageMapLive, An_exited_process_is_gone_and_a_kernel_thread_has_no_memory) {
  const Host host = live_host();
  WaitingChild child;
  const Process process = std::move(Process::open(host, child.pid())).value();
  const PageMap map = std::move(PageMap::open(process)).value();
  const ProcessMemoryFile memory = std::move(ProcessMemoryFile::open(process)).value();
  std::array<PageMapEntry, 2> entries{};
  EXPECT_TRUE(map.read(VirtualPage(16), entries));
  child.kill();
  std::vector<std::byte> bytes(kPageSize);
  EXPECT_EQ(map.read(VirtualPage(16), entries).error().code, ErrorCode::gone);
  EXPECT_EQ(memory.read(VirtualPage(16), bytes).error().code, ErrorCode::gone);
  EXPECT_EQ(PageMap::open(process).error().code, ErrorCode::gone);
  const auto thread = Process::open(host, 2);
  if (thread && thread->status() && thread->status()->kernel_thread) {
    EXPECT_EQ(PageMap::open(*thread).error().code, ErrorCode::missing);
  }
}

TEST(ProcessMemoryLive, Bytes_come_up_to_the_first_hole) {
  const OwnPages pages(8);
  for (std::size_t page = 0; page < 8; ++page)
    std::memset(pages.at(page), static_cast<int>(page) + 1, kPageSize);
  pages.unmap(5);
  const ProcessMemoryFile memory = std::move(ProcessMemoryFile::open(self())).value();
  std::vector<std::byte> out(8 * kPageSize);
  const auto got = memory.read(pages.first(), out);
  ASSERT_TRUE(got) << error_line(got.error());
  EXPECT_EQ(got->count(), 5 * kPageSize);
  for (std::size_t page = 0; page < 5; ++page)
    EXPECT_EQ(std::memcmp(out.data() + page * kPageSize, pages.at(page), kPageSize), 0);
  EXPECT_EQ(memory.read(pages.first() + 5, out)->count(), 0U);
  EXPECT_EQ(memory.read(pages.first() + 6, std::span(out).first(2 * kPageSize))->count(),
            2 * kPageSize);
  EXPECT_EQ(memory.read(pages.first(), {})->count(), 0U);
}

TEST(ProcessMemoryLive, Addresses_a_file_offset_can_not_reach_read_as_holes) {
  const ProcessMemoryFile memory = std::move(ProcessMemoryFile::open(self())).value();
  std::vector<std::byte> out(kPageSize);
  EXPECT_EQ(memory.read(VirtualPage(0xffffffffff600), out)->count(), 0U);
  EXPECT_EQ(memory.read(VirtualPage(~0ULL), out)->count(), 0U);
  EXPECT_EQ(memory.read(VirtualPage(1ULL << 51), out)->count(), 0U);
}

}  // namespace
}  // namespace brim::host
