// SPDX-License-Identifier: Apache-2.0
// Reclaim in passes: how much each looks at, what it takes, who naps when; Linux's swap cache.
#include "thrash/model/daemon_passes.h"
#include "thrash/model/lau.h"
#include "thrash/model/linux_two_list.h"
#include "thrash/model/priority_passes.h"
#include "thrash/model/replacement_table.h"
#include "thrash/model/test_memory.h"

#include <cstdint>
#include <utility>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

constexpr ListSizes kLarge{.active = 1 << 17, .inactive = 1 << 18};

ScanPass pass_of(std::size_t active, std::size_t inactive) {
  ScanPass pass;
  pass.over = false;
  pass.active = active;
  pass.inactive = inactive;
  return pass;
}

TEST(PriorityPassesTest, Each_pass_looks_at_twice_as_many_pages_as_the_one_before) {
  PriorityPasses passes(Pages(1 << 20));
  for (int priority = PriorityRound::kFirst; priority >= 0; --priority) {
    const ScanPass pass = passes.begin(priority, kLarge, 0);
    EXPECT_EQ(pass.active, (kLarge.active >> priority) + 1);
    EXPECT_EQ(pass.inactive, (kLarge.inactive >> priority) + 1);
  }
}

TEST(PriorityPassesTest, What_is_less_than_32_pages_is_put_off) {
  PriorityPasses passes(Pages(1 << 20));
  for (const std::size_t pages : {0U, 0U, 33U, 0U})
    EXPECT_EQ(passes.begin(PriorityRound::kFirst, {.active = 10 << 12, .inactive = 0}, 0).active,
              pages);
}

TEST(PriorityPassesTest, Pages_of_processes_are_spared_until_distress_says_otherwise) {
  PriorityPasses passes(Pages(1000));
  EXPECT_TRUE(passes.begin(12, kLarge, 700).spares_mapped);
  EXPECT_TRUE(passes.begin(5, kLarge, 700).spares_mapped) << "35 + 3 + 60";
  EXPECT_FALSE(passes.begin(4, kLarge, 700).spares_mapped) << "35 + 6 + 60";
  EXPECT_FALSE(passes.begin(12, kLarge, 700).spares_mapped) << "distress lasts";
  passes.end_round(12);
  EXPECT_TRUE(passes.begin(12, kLarge, 700).spares_mapped);
  EXPECT_FALSE(passes.begin(12, kLarge, 800).spares_mapped) << "40 + 0 + 60";
}

TEST(PriorityPassesTest, Naps_begin_after_the_fourth_pass) {
  EXPECT_FALSE(PriorityPasses::naps_after(10));
  EXPECT_TRUE(PriorityPasses::naps_after(9));
}

// All but the second are referenced.
struct FourActive {
  FourActive() {
    for (PageNumber page = 0; page < 4; ++page) lists.load(page, Access::read);
    table.clear_referenced(1);
  }
  PageTable table{4};
  LinuxTwoList lists{table, {.start = LinuxStart::active}};
};

TEST(PassOverLinuxListsTest, Referenced_pages_stay_on_the_active_list_and_lose_the_bit) {
  FourActive four;
  ScanPass pass = pass_of(4, 0);
  EXPECT_EQ(four.lists.next_of_pass(pass), kNoPage);
  EXPECT_TRUE(pass.over);
  EXPECT_EQ(four.lists.list_sizes().active, 3U);
  EXPECT_FALSE(four.table.referenced(0));
  pass = pass_of(0, 1);
  EXPECT_EQ(four.lists.next_of_pass(pass), 1U);
}

TEST(PassOverLinuxListsTest, Spared_pages_are_neither_deactivated_nor_lose_the_bit) {
  FourActive four;
  ScanPass pass = pass_of(4, 4);
  pass.spares_mapped = true;
  EXPECT_EQ(four.lists.next_of_pass(pass), kNoPage);
  EXPECT_EQ(four.lists.list_sizes().active, 4U);
  EXPECT_TRUE(four.table.referenced(0));
  EXPECT_EQ(four.table.take_looks(), 4U);
}

TEST(PassOverLinuxListsTest, A_referenced_page_of_the_inactive_list_is_activated) {
  PageTable table(2);
  LinuxTwoList lists(table, {.start = LinuxStart::active});
  for (PageNumber page = 0; page < 2; ++page) lists.load(page, Access::read);
  for (PageNumber page = 0; page < 2; ++page) table.clear_referenced(page);
  ScanPass pass = pass_of(2, 0);
  EXPECT_EQ(lists.next_of_pass(pass), kNoPage);
  lists.hit(0, Access::read);
  pass = pass_of(0, 2);
  EXPECT_EQ(lists.next_of_pass(pass), 1U);
  EXPECT_TRUE(lists.active(0));
}

MemoryShape with_swap_cache(std::uint64_t frames, std::uint64_t slots = 1024) {
  MemoryShape shape = test::shape_of(frames);
  auto lists = choose_policy("linux-two-list(start=active)", "test");
  EXPECT_TRUE(lists);
  shape.replacement = *pool_policy(*std::move(lists), "test");
  shape.passes = Passes::linux_priorities;
  shape.memory = Pages(frames);
  shape.swap.slots = Pages(slots);
  return shape;
}

void write_pages_and_take_them_out(test::Memory& memory, std::uint32_t pages) {
  for (std::uint32_t page = 0; page < pages; ++page) memory.make(page, Access::write);
  memory.manager.order_out(0, memory.now);
  memory.finish();
}

TEST(SwapCacheTest, A_written_page_keeps_its_frame_and_comes_back_unread) {
  test::Memory memory(with_swap_cache(64));
  write_pages_and_take_them_out(memory, 40);
  EXPECT_EQ(memory.manager.counts().pages_out, 40U);
  EXPECT_EQ(memory.manager.free_frames(), 24U);
  EXPECT_EQ(memory.touch(3, Access::read).fault, Fault::minor);
  EXPECT_EQ(memory.manager.counts().rescued, 1U);
  EXPECT_EQ(memory.manager.inconsistency(), "");
}

TEST(SwapCacheTest, Its_frame_is_free_once_reclaim_comes_by_again) {
  test::Memory memory(with_swap_cache(64));
  write_pages_and_take_them_out(memory, 40);
  std::size_t freed = 0;
  for (int i = 0; i < 100; ++i) freed += memory.manager.reclaim(memory.now).taken;
  EXPECT_EQ(freed, 40U);
  EXPECT_EQ(memory.manager.free_frames(), 64U);
  EXPECT_EQ(memory.touch(3, Access::read).fault, Fault::major);
  memory.finish();
}

TEST(SwapCacheTest, A_page_that_is_written_to_keeps_its_slot_until_half_of_all_are_taken) {
  for (const std::uint64_t slots : {80U, 79U}) {
    test::Memory memory(with_swap_cache(64, slots));
    write_pages_and_take_them_out(memory, 40);
    EXPECT_EQ(memory.touch(3, Access::write).fault, Fault::minor);
    EXPECT_EQ(memory.manager.swap().used(), slots == 80 ? 40U : 39U);
    memory.manager.order_out(0, memory.now);
    memory.finish();
    EXPECT_EQ(memory.manager.counts().pages_out, 41U) << "it is written once more all the same";
    EXPECT_EQ(memory.manager.swap().used(), 40U);
  }
}

// Fewer writes at a time than a pass would make: it stops, and has fewer pages left to look at once
// written ones were freed.
TEST(SwapCacheTest, A_pass_that_goes_on_after_pages_were_written_looks_at_no_more_than_its_share) {
  MemoryShape shape = with_swap_cache(64);
  shape.most_writes = 24;
  test::Memory memory(shape, 256);
  for (std::uint32_t page = 0; page < 256; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.inconsistency(), "");
  EXPECT_GT(memory.manager.counts().pages_out, 0U);
}

TEST(PriorityPassesTest, Who_finds_too_little_naps_and_goes_on_with_the_next_pass) {
  test::Memory memory(with_swap_cache(64), 128);
  for (std::uint32_t page = 0; page < 64; ++page) memory.make(page, Access::write);
  const Touch first = memory.touch(64, Access::write);
  EXPECT_EQ(first.outcome, Outcome::waits_for_frame);
  EXPECT_EQ(first.nap, 100ms);
  EXPECT_EQ(memory.manager.counts().scanned, 42U) << "put off until the pass of priority 2";
  EXPECT_EQ(memory.touch(64, Access::write).nap, 100ms);
  EXPECT_EQ(memory.manager.counts().scanned, 42U + 33U);
}

TEST(DaemonPassesTest, The_second_pass_comes_at_once_and_later_ones_after_half_a_second) {
  DaemonPasses passes;
  EXPECT_TRUE(passes.begin(kLarge, 10).second_trip);
  EXPECT_EQ(passes.begin(kLarge, 10).launder, 32U);
  EXPECT_EQ(passes.end(true), 0ms);
  EXPECT_FALSE(passes.begin(kLarge, 10).second_trip);
  EXPECT_EQ(passes.begin(kLarge, 10).launder, 10'000U);
  EXPECT_EQ(passes.end(true), 500ms);
  EXPECT_EQ(passes.end(false), std::nullopt);
  EXPECT_EQ(passes.begin(kLarge, 10).launder, 10'000U) << "after more than two";
  EXPECT_EQ(passes.end(false), std::nullopt);
  EXPECT_EQ(passes.begin(kLarge, 10).launder, 32U);
}

// 64 modified pages, all of them on the inactive queue.
struct InactivePages {
  InactivePages() {
    for (PageNumber page = 0; page < 64; ++page) {
      table.note(page, Access::write);
      lau.load(page, Access::write);
      table.clear_referenced(page);
    }
    for (std::uint8_t i = 0; i < Lau::kActInit; ++i) {
      ScanPass pass = pass_of(64, 0);
      EXPECT_EQ(lau.next_of_pass(pass), kNoPage);
    }
    EXPECT_EQ(lau.list_sizes().inactive, 64U);
  }
  PageTable table{64};
  Lau lau{table, 64, {.inactive = 1, .cache = 0}};
};

ScanPass laundering(std::size_t launder, bool second_trip) {
  ScanPass pass = pass_of(0, 64);
  pass.shortage = pass.target = 64;
  pass.launder = launder;
  pass.second_trip = second_trip;
  pass.room = 64;
  return pass;
}

TEST(DaemonPassesTest, Modified_pages_go_round_once_and_few_of_them_are_laundered_then) {
  InactivePages pages;
  for (const std::size_t laundered : {0U, 32U}) {
    ScanPass pass = laundering(32, true);
    EXPECT_EQ(pages.lau.next_of_pass(pass), kNoPage);
    EXPECT_TRUE(pass.over);
    EXPECT_EQ(pages.table.writebacks(), laundered);
  }
  ScanPass pass = laundering(10'000, false);
  EXPECT_LT(pages.lau.next_of_pass(pass), 32U) << "clean now: it leaves";
}

TEST(DaemonPassesTest, A_pass_stops_where_no_more_can_be_written_and_goes_on_there) {
  InactivePages pages;
  ScanPass pass = laundering(10'000, false);
  pass.room = 10;
  EXPECT_EQ(pages.lau.next_of_pass(pass), kNoPage);
  EXPECT_FALSE(pass.over);
  EXPECT_EQ(pages.table.writebacks(), 10U);
  pass.room = 64;
  EXPECT_EQ(pages.lau.next_of_pass(pass), kNoPage);
  EXPECT_TRUE(pass.over);
  EXPECT_EQ(pages.table.writebacks(), 64U);
}

}  // namespace
}  // namespace brim::thrash::model
