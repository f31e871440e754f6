// SPDX-License-Identifier: Apache-2.0
#include "host/page_map.h"

#include "base/rng.h"
#include "host/test_processes.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

namespace brim::host {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Process self() { return std::move(Process::open(live_host(), ::getpid())).value(); }

bool may_see_frames() { return sees_frames(live_host()); }

constexpr std::uint64_t bit(PageFlag flag) { return 1ULL << static_cast<unsigned>(flag); }

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

TEST(FixturePageMap, Entries_flags_and_counts_belong_together) {
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

  const FrameTable table = std::move(FrameTable::open(host)).value();
  EXPECT_EQ(table.end(), HostFrame(4));
  const std::array<HostFrame, 5> frames = {HostFrame(3), HostFrame(2), HostFrame(0), HostFrame(4),
                                           HostFrame(~0ULL)};
  std::array<std::uint64_t, 5> flags{};
  std::array<std::uint64_t, 5> counts{};
  ASSERT_TRUE(table.read(frames, flags, counts));
  EXPECT_TRUE(has(flags[0], PageFlag::ksm) && has(flags[0], PageFlag::anon));
  EXPECT_FALSE(has(flags[1], PageFlag::ksm));
  EXPECT_THAT(counts, ElementsAre(9, 1, 0, 0, 0));
  EXPECT_EQ(flags[2], 0U);
  EXPECT_EQ(flags[3], bit(PageFlag::nopage));
  EXPECT_EQ(flags[4], bit(PageFlag::nopage));
  EXPECT_TRUE(sees_frames(host));
}

TEST(FixturePageMap, A_host_without_the_files_says_so) {
  const Host host = fixture("no-ksm");
  EXPECT_FALSE(sees_frames(host));
  const auto table = FrameTable::open(host);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::missing);
  EXPECT_THAT(table.error().what, HasSubstr("CONFIG_PROC_PAGE_MONITOR"));
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

class FrameTableLive : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!may_see_frames()) GTEST_SKIP() << "frame numbers need CAP_SYS_ADMIN";
    for (std::size_t page = 0; page < kCount; ++page) pages_.touch(page, 1);
    const PageMap map = std::move(PageMap::open(self())).value();
    std::vector<PageMapEntry> entries(kCount);
    ASSERT_TRUE(map.read(pages_.first(), entries));
    for (const PageMapEntry entry : entries) frames_.push_back(entry.frame());
  }
  static constexpr std::size_t kCount = 700;
  OwnPages pages_{kCount};
  std::vector<HostFrame> frames_;
};

TEST_F(FrameTableLive, Our_own_pages_are_anonymous_and_mapped_once) {
  const FrameTable table = std::move(FrameTable::open(live_host())).value();
  std::vector<std::uint64_t> flags(kCount);
  std::vector<std::uint64_t> counts(kCount);
  ASSERT_TRUE(table.read(frames_, flags, counts));
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_TRUE(has(flags[i], PageFlag::anon)) << i;
    EXPECT_FALSE(has(flags[i], PageFlag::ksm)) << i;
    EXPECT_LT(frames_[i], table.end());
  }
  EXPECT_THAT(counts, Each(1U));
}

TEST_F(FrameTableLive, Order_repeats_and_batches_do_not_change_what_is_read) {
  const FrameTable table = std::move(FrameTable::open(live_host())).value();
  // Frames of others change while we look; ours keep their counts and their kind.
  Rng rng(7);
  std::vector<HostFrame> mixed = frames_;
  mixed.insert(mixed.end(), frames_.begin(), frames_.begin() + 50);
  rng.shuffle(std::span(mixed));
  mixed.insert(mixed.begin() + 3, HostFrame(0));
  mixed.push_back(table.end() + (1ULL << 40));
  std::vector<std::uint64_t> flags(mixed.size());
  std::vector<std::uint64_t> counts(mixed.size());
  for (const bool reversed : {false, true}) {
    if (reversed) std::reverse(mixed.begin(), mixed.end());
    std::fill(flags.begin(), flags.end(), 99);
    ASSERT_TRUE(table.read(mixed, flags, counts));
    for (std::size_t i = 0; i < mixed.size(); ++i) {
      const bool ours = mixed[i].number() != 0 && mixed[i] < table.end();
      EXPECT_EQ(has(flags[i], PageFlag::anon), ours) << i;
      EXPECT_EQ(counts[i], ours ? 1U : 0U) << i;
    }
  }
}

TEST_F(FrameTableLive, One_file_can_be_left_out) {
  const FrameTable table = std::move(FrameTable::open(live_host())).value();
  std::vector<std::uint64_t> values(kCount);
  ASSERT_TRUE(table.read(frames_, {}, values));
  EXPECT_THAT(values, Each(1U));
  ASSERT_TRUE(table.read(frames_, values, {}));
  EXPECT_TRUE(has(values[0], PageFlag::anon));
  EXPECT_TRUE(table.read({}, {}, {}));
}

TEST(FrameTableSynthetic, Every_frame_gets_its_own_entry_whatever_the_order) {
  // Entry n of the files holds n and ~n: a misplaced entry can't hide.
  constexpr std::uint64_t kFrames = 5000;
  std::string root = ::testing::TempDir() + "brim-frames-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  ASSERT_EQ(::mkdir((root + "/proc").c_str(), 0700), 0);
  std::vector<std::uint64_t> entries(kFrames);
  std::iota(entries.begin(), entries.end(), 0U);
  const auto put = [&](const char* name) {
    const Fd file(::open((root + name).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    ASSERT_EQ(::write(file.get(), entries.data(), kFrames * 8), kFrames * 8);
  };
  put("/proc/kpageflags");
  for (std::uint64_t& entry : entries) entry = ~entry;
  put("/proc/kpagecount");
  const FrameTable table = std::move(FrameTable::open(Host::open(root).value())).value();
  EXPECT_EQ(table.end(), HostFrame(kFrames));
  Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    // Runs up and down, jumps within and beyond the gap, repeats, unknown frames and ones too far.
    std::vector<HostFrame> frames;
    std::uint64_t at = rng.below(kFrames);
    for (std::uint64_t i = 0, n = rng.below(900); i < n; ++i) {
      const std::uint64_t jump = round % 3 == 0 ? 2 : round % 3 == 1 ? 16 : kFrames;
      at = rng.chance(0.5) ? at + rng.below(jump) : at - std::min(at, rng.below(jump));
      if (at > kFrames + 600) at = rng.below(kFrames);
      frames.emplace_back(at);
    }
    std::vector<std::uint64_t> flags(frames.size());
    std::vector<std::uint64_t> counts(frames.size());
    ASSERT_TRUE(table.read(frames, flags, counts));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::uint64_t frame = frames[i].number();
      const bool there = frame != 0 && frame < kFrames;
      ASSERT_EQ(flags[i], there ? frame : frame == 0 ? 0 : bit(PageFlag::nopage)) << frame;
      ASSERT_EQ(counts[i], there ? ~frame : 0) << frame;
    }
  }
  ASSERT_EQ(::unlink((root + "/proc/kpageflags").c_str()), 0);
  ASSERT_EQ(::unlink((root + "/proc/kpagecount").c_str()), 0);
  ::rmdir((root + "/proc").c_str());
  ::rmdir(root.c_str());
}

}  // namespace
}  // namespace brim::host
