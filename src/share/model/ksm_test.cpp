// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm.h"

#include "share/model/test_mechanisms.h"

#include <optional>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

KsmKnobs unlimited() {
  KsmKnobs knobs;
  knobs.max_page_sharing = KsmKnobs::kNoLimit;
  return knobs;
}

// A guest of pages with these contents, under KSM.
class KsmTest : public testing::Test {
 protected:
  void start(const std::vector<std::uint64_t>& contents, const KsmKnobs& knobs = unlimited()) {
    pages_ = memory_.add_guest(Pages(contents.size()));
    for (std::size_t i = 0; i < contents.size(); ++i)
      memory_.write(static_cast<Page>(i), content(contents[i]));
    ksm_.emplace(memory_, knobs, Costs{});
    ksm_->add(pages_);
  }
  // The end of a scan is found by looking for one more page.
  void full_scan() { ksm_->scan(pages_.end - pages_.first + 1); }
  const KsmCounters& counters() { return ksm_->counters(); }

  SimulatedMemory memory_;
  SimulatedMemory::Range pages_;
  std::optional<Ksm> ksm_;
};

TEST_F(KsmTest, Equal_pages_merge_at_the_second_visit_when_their_checksum_has_not_changed) {
  start({7, 8, 7, 9, 7});
  full_scan();
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  EXPECT_EQ(ksm_->pages_volatile(), 5u);
  full_scan();
  EXPECT_EQ(memory_.totals().saved_pages(), 2u);
  EXPECT_EQ(counters().pages_shared, 1u);
  EXPECT_EQ(counters().pages_sharing, 2u);
  EXPECT_EQ(counters().pages_unshared, 2u);
  EXPECT_EQ(ksm_->pages_volatile(), 0u);
  expect_sound(memory_);
}

TEST_F(KsmTest, A_page_that_changes_between_visits_is_never_merged_and_one_rewritten_the_same_is) {
  start({1, 1, 2, 2});
  for (std::uint64_t turn = 0; turn < 10; ++turn) {
    memory_.write(0, content(100 + turn));
    memory_.write(1, content(100 + turn));
    memory_.write(2, content(2));
    full_scan();
  }
  EXPECT_EQ(memory_.frame(0), kOwnFrame);
  EXPECT_EQ(memory_.frame(1), kOwnFrame);
  EXPECT_EQ(memory_.frame(2), memory_.frame(3));
  expect_sound(memory_);
}

TEST_F(KsmTest, A_write_gives_a_frame_of_its_own_and_the_counters_learn_of_it_at_the_next_visit) {
  start({5, 5, 5});
  full_scan();
  full_scan();
  ASSERT_EQ(memory_.totals().saved_pages(), 2u);
  memory_.write(1, content(5));  // the same content
  EXPECT_EQ(memory_.frame(1), kOwnFrame);
  EXPECT_EQ(memory_.totals().copies_on_write, 1u);
  EXPECT_EQ(memory_.totals().saved_pages(), 1u);
  EXPECT_EQ(counters().pages_sharing, 2u) << "not visited yet";
  full_scan();
  EXPECT_EQ(memory_.totals().saved_pages(), 2u) << "its content is in the stable tree: at once";
  expect_sound(memory_);
}

TEST_F(KsmTest, A_frame_all_pages_have_left_is_gone_and_its_content_starts_anew) {
  start({5, 5, 6});
  full_scan();
  full_scan();
  memory_.write(0, content(10));
  memory_.write(1, content(11));
  EXPECT_EQ(memory_.totals().shared_frames, 0u);
  full_scan();
  EXPECT_EQ(counters().pages_shared, 0u);
  EXPECT_EQ(counters().pages_sharing, 0u);
  memory_.write(2, content(5));
  memory_.write(0, content(5));
  full_scan();
  full_scan();
  EXPECT_EQ(memory_.frame(0), memory_.frame(2));
  EXPECT_EQ(counters().pages_shared, 1u);
  expect_sound(memory_);
}

TEST_F(KsmTest, A_full_frame_takes_no_more_pages_and_a_pair_begins_the_next) {
  KsmKnobs knobs;
  knobs.max_page_sharing = 2;
  start({4, 4, 4, 4, 4}, knobs);
  for (int i = 0; i < 4; ++i) full_scan();
  EXPECT_EQ(memory_.totals().shared_frames, 2u);
  EXPECT_EQ(memory_.totals().pages_on_shared_frames, 4u);
  EXPECT_EQ(counters().pages_shared, 2u);
  EXPECT_EQ(counters().pages_sharing, 2u);
  EXPECT_EQ(counters().pages_unshared, 1u);
  expect_sound(memory_);
}

// stable_node_chain_add_dup puts a new frame at the head of the list, where the next page looks
// first; two seconds after the chain began the fullest comes there.
TEST_F(KsmTest, Of_several_frames_with_room_the_newest_takes_the_next_page_and_later_the_fullest) {
  KsmKnobs knobs = unlimited();
  knobs.max_page_sharing = 4;
  knobs.pages_to_scan = 100;
  knobs.sleep = 100ms;
  start(std::vector<std::uint64_t>(10, 4), knobs);
  ksm_->run(500ms);
  const Frame first = memory_.frame(1);
  const Frame second = memory_.frame(5);
  const Frame third = memory_.frame(9);
  ASSERT_EQ(memory_.pages_on(first), 4u);
  ASSERT_EQ(memory_.pages_on(second), 4u);
  ASSERT_EQ(memory_.pages_on(third), 2u);
  // Room in the first and the second; 9 goes back to the third, the newest.
  for (const Page page : {1u, 2u, 5u, 6u, 7u}) memory_.write(page, content(100 + page));
  memory_.write(9, content(4));
  ksm_->run(700ms);
  EXPECT_EQ(memory_.frame(9), third);
  memory_.write(9, content(200));
  ksm_->run(3s);
  memory_.write(9, content(4));
  ksm_->run(3500ms);
  EXPECT_EQ(memory_.frame(9), first) << "two pages on it, one on each other";
  expect_sound(memory_);
}

TEST_F(KsmTest, Zero_pages_cost_no_frame_when_asked_for) {
  KsmKnobs knobs = unlimited();
  start({0, 0, 0, 3}, knobs);
  full_scan();
  full_scan();
  EXPECT_EQ(memory_.totals().frames(), 2u) << "zero pages merge like others";
  knobs.use_zero_pages = true;
  SimulatedMemory memory;
  Ksm ksm(memory, knobs, Costs{});
  ksm.add(memory.add_guest(Pages(3)));
  for (Page page = 0; page < 3; ++page) memory.write(page, kZeroContent);
  ksm.scan(4);
  ksm.scan(4);
  EXPECT_EQ(memory.totals().frames(), 0u);
  EXPECT_EQ(ksm.counters().zero_pages, 3u);
  expect_sound(memory);
}

TEST_F(KsmTest, Untouched_pages_are_neither_visited_nor_given_frames) {
  SimulatedMemory memory;
  Ksm ksm(memory, unlimited(), Costs{});
  ksm.add(memory.add_guest(Pages(1000)));
  memory.write(400, content(1));
  memory.write(900, content(1));
  ksm.scan(4);
  EXPECT_EQ(ksm.work().visits, 2u) << "a batch ends with the full scan";
  ksm.scan(4);
  EXPECT_EQ(ksm.work().visits, 4u);
  EXPECT_EQ(memory.totals().present_pages(), 2u);
  EXPECT_EQ(memory.totals().frames(), 1u);
}

// should_skip_rmap_item: visits 0 to 3 happen; then 1, 1, 2, 2, 4 ... scans are left out between.
TEST_F(KsmTest, Smart_scan_leaves_out_pages_that_do_not_merge_ever_longer) {
  KsmKnobs knobs = unlimited();
  knobs.smart_scan = true;
  start({1}, knobs);
  std::vector<bool> skipped;
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = ksm_->work().skips;
    full_scan();
    skipped.push_back(ksm_->work().skips > before);
  }
  const std::vector<bool> expected{false, false, false, false, true, false, true,
                                   true,  false, true,  true,  true, true,  false,
                                   true,  true,  true,  true,  true, true};
  EXPECT_EQ(skipped, expected);
}

TEST_F(KsmTest, Pages_that_smart_scan_leaves_out_take_nothing_of_a_batch) {
  KsmKnobs knobs = unlimited();
  knobs.smart_scan = true;
  start({1, 2, 3, 4, 5, 6, 7, 7}, knobs);
  for (int i = 0; i < 4; ++i) full_scan();
  ASSERT_EQ(ksm_->work().skips, 0u);
  const std::uint64_t visits = ksm_->work().visits;
  ksm_->scan(3);  // of six that are skipped and two that are merged
  EXPECT_EQ(ksm_->work().skips, 6u);
  EXPECT_EQ(ksm_->work().visits, visits + 2);
  EXPECT_EQ(counters().full_scans, 5u);
}

// Its age stays what it was: the kernel sets it back nowhere.
TEST_F(KsmTest, A_page_of_old_that_leaves_its_frame_is_left_out_as_one_that_never_merged) {
  KsmKnobs knobs = unlimited();
  knobs.smart_scan = true;
  start({1, 2}, knobs);
  for (int i = 0; i < 10; ++i) full_scan();
  memory_.write(1, content(1));
  int scans = 0;
  while (memory_.totals().saved_pages() == 0 && scans < 20) {
    full_scan();
    ++scans;
  }
  EXPECT_GT(scans, 3) << "a new page takes two or three";
  EXPECT_LT(scans, 20);
}

TEST_F(KsmTest, What_it_costs_slows_it_down) {
  start(std::vector<std::uint64_t>(1000, 1));
  KsmKnobs knobs = unlimited();
  knobs.pages_to_scan = 10;
  knobs.sleep = 1ms;
  Costs costs;
  Ksm free_of_charge(memory_, knobs, costs);
  free_of_charge.add(pages_);
  free_of_charge.run(100ms);
  EXPECT_EQ(free_of_charge.work().visits, 1000u);
  costs.visit = 100us;  // ten pages take as long as the sleep
  Ksm slow(memory_, knobs, costs);
  slow.add(pages_);
  slow.run(100ms);
  EXPECT_EQ(slow.work().visits, 500u);
  EXPECT_EQ(slow.cpu_time(), 50ms);
}

TEST_F(KsmTest, Reaches_the_potential_when_nothing_changes_and_stays_sound_when_much_does) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    Rng rng(seed);
    SimulatedMemory memory;
    KsmKnobs knobs = unlimited();
    knobs.use_zero_pages = rng.chance(0.3);
    knobs.smart_scan = rng.chance(0.5);
    knobs.checksum_first = rng.chance(0.5);
    const bool limited = rng.chance(0.3);
    if (limited) knobs.max_page_sharing = static_cast<std::uint32_t>(2 + rng.below(6));
    Ksm ksm(memory, knobs, Costs{});
    for (int guest = 0; guest < 3; ++guest) {
      const auto pages = memory.add_guest(Pages(50 + rng.below(300)));
      ksm.add(pages);
      test::fill(memory, pages, 1 + rng.below(200), rng);
    }
    for (int step = 0; step < 60; ++step) {
      for (int i = 0; i < 40; ++i) {
        const auto page = static_cast<Page>(rng.below(memory.page_count()));
        if (rng.chance(0.1))
          memory.release(page);
        else
          memory.write(page, rng.chance(0.5) ? memory.content(page) : content(rng.below(50)));
      }
      ksm.scan(1 + rng.below(400));
      expect_sound(memory);
      if (testing::Test::HasFailure()) return;
    }
    for (int i = 0; i < 40; ++i) ksm.scan(memory.page_count() + 1);
    expect_sound(memory);
    const auto& totals = memory.totals();
    if (limited) continue;
    const std::uint64_t zero_frame = totals.pages_on_zero_frame > 0 ? 1 : 0;
    const std::uint64_t potential = test::potential(memory) + zero_frame;
    if (knobs.smart_scan) {
      // Two equal pages that are left out in turns never meet in the unstable tree.
      EXPECT_LE(totals.saved_pages(), potential);
      EXPECT_GE(totals.saved_pages(), potential * 9 / 10);
    } else {
      EXPECT_EQ(totals.saved_pages(), potential);
    }
    EXPECT_EQ(ksm.counters().pages_shared, totals.shared_frames);
    EXPECT_EQ(ksm.counters().pages_shared + ksm.counters().pages_sharing,
              totals.pages_on_shared_frames);
  }
}

}  // namespace
}  // namespace brim::share::model
