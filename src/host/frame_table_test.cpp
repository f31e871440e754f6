// SPDX-License-Identifier: Apache-2.0
#include "host/frame_table.h"

#include "base/rng.h"
#include "host/page_map.h"
#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(FrameTable, Flags_and_counts_belong_together) {
  const Host host = fixture("debian-6.18-hybrid");
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
}

TEST(FrameTable, A_host_without_the_files_says_so) {
  const Host host = fixture("no-ksm");
  const auto table = FrameTable::open(host);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().code, ErrorCode::missing);
  EXPECT_THAT(table.error().what, HasSubstr("CONFIG_PROC_PAGE_MONITOR"));
}

class FrameTableLive : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!sees_frames(live_host())) GTEST_SKIP() << "frame numbers need CAP_SYS_ADMIN";
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

// Files whose entry n is n and ~n: a misplaced entry can't hide.
class FrameFiles : public ::testing::Test {
 protected:
  static constexpr std::uint64_t kFrames = 5000;

  void SetUp() override { write(0); }
  // Entry n of the flags becomes n + `added`.
  void write(std::uint64_t added) {
    std::vector<std::uint64_t> flags(kFrames);
    std::vector<std::uint64_t> counts(kFrames);
    for (std::uint64_t n = 0; n < kFrames; ++n) {
      flags[n] = n + added;
      counts[n] = ~n;
    }
    put("proc/kpageflags", flags);
    put("proc/kpagecount", counts);
  }
  FrameTable table() {
    return std::move(FrameTable::open(Host::open(directory_.path()).value())).value();
  }
  // Runs up and down, jumps within and beyond the gap, repeats, unknown frames and ones too far.
  static std::vector<HostFrame> walk(Rng& rng, int kind) {
    std::vector<HostFrame> frames;
    std::uint64_t at = rng.below(kFrames);
    for (std::uint64_t i = 0, n = rng.below(900); i < n; ++i) {
      const std::uint64_t jump = kind % 3 == 0 ? 2 : kind % 3 == 1 ? 16 : kFrames;
      at = rng.chance(0.5) ? at + rng.below(jump) : at - std::min(at, rng.below(jump));
      if (at > kFrames + 600) at = rng.below(kFrames);
      frames.emplace_back(at);
    }
    return frames;
  }
  template <class Reader>
  static void expect_own_entries(Reader& reader, const std::vector<HostFrame>& frames) {
    std::vector<std::uint64_t> flags(frames.size());
    std::vector<std::uint64_t> counts(frames.size());
    ASSERT_TRUE(reader.read(frames, flags, counts));
    for (std::size_t i = 0; i < frames.size(); ++i) {
      const std::uint64_t frame = frames[i].number();
      const bool there = frame != 0 && frame < kFrames;
      ASSERT_EQ(flags[i], there ? frame : frame == 0 ? 0 : bit(PageFlag::nopage)) << frame;
      ASSERT_EQ(counts[i], there ? ~frame : 0) << frame;
    }
  }

 private:
  void put(std::string_view name, const std::vector<std::uint64_t>& entries) {
    directory_.write(name, std::string_view(reinterpret_cast<const char*>(entries.data()),
                                            entries.size() * sizeof entries[0]));
  }
  ScratchDirectory directory_;
};

TEST_F(FrameFiles, Every_frame_gets_its_own_entry_whatever_the_order) {
  FrameTable files = table();
  EXPECT_EQ(files.end(), HostFrame(kFrames));
  FrameReader reader(files);
  Rng rng(1);
  for (int round = 0; round < 200; ++round) {
    const auto frames = walk(rng, round);
    expect_own_entries(files, frames);
    expect_own_entries(reader, frames);
  }
}

TEST_F(FrameFiles, A_region_asked_for_often_is_copied_and_the_copy_serves_while_it_is_fresh) {
  const FrameTable files = table();
  FrameReader keeps(files, 1h);
  FrameReader forgets(files, 0ns);
  std::vector<HostFrame> scattered;
  for (std::uint64_t i = 0; i < 512; ++i) scattered.emplace_back(1024 + i * 211 % 512);
  std::vector<std::uint64_t> before(scattered.size());
  ASSERT_TRUE(keeps.read(scattered, before, {}));
  ASSERT_TRUE(forgets.read(scattered, before, {}));
  write(1'000'000);
  std::vector<std::uint64_t> kept(scattered.size());
  std::vector<std::uint64_t> asked(scattered.size());
  ASSERT_TRUE(keeps.read(scattered, kept, {}));
  ASSERT_TRUE(forgets.read(scattered, asked, {}));
  EXPECT_EQ(kept, before);
  for (std::size_t i = 0; i < scattered.size(); ++i)
    EXPECT_EQ(asked[i], scattered[i].number() + 1'000'000);
}

TEST_F(FrameFiles, Frames_together_and_regions_asked_for_seldom_are_read_anew) {
  const FrameTable files = table();
  FrameReader reader(files, 1h);
  std::vector<HostFrame> together;
  for (std::uint64_t i = 0; i < 512; ++i) together.emplace_back(1024 + i);
  std::vector<HostFrame> seldom;
  for (std::uint64_t i = 0; i < 9; ++i) seldom.emplace_back((i * 4 % 9) * 512 + 100);
  for (const auto& frames : {together, seldom}) {
    std::vector<std::uint64_t> flags(frames.size());
    write(0);
    ASSERT_TRUE(reader.read(frames, flags, {}));
    write(7);
    ASSERT_TRUE(reader.read(frames, flags, {}));
    for (std::size_t i = 0; i < frames.size(); ++i) EXPECT_EQ(flags[i], frames[i].number() + 7);
  }
}

}  // namespace
}  // namespace brim::host
