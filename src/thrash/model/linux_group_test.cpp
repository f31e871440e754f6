// SPDX-License-Identifier: Apache-2.0
// Reclaim in a limited cgroup: what it does by sizes of lists that were counted a while ago.
#include "thrash/model/linux_group.h"

#include "thrash/model/test_machines.h"

#include <chrono>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr PageNumber kHundred = 100;
// Of a hundred new pages passes of priority 4 to 1 look at 1, 2, 4 and 8, which the last one comes
// to for a second time.
constexpr PageNumber kFirst = 15;

// A hundred pages, of which the first have left, and the others were used again: reclaim finds each
// of them in use and puts it on the active list. Sizes were counted when there was no page yet.
struct AllInUse {
  explicit AllInUse(const LinuxGroupKnobs& knobs) : table(kHundred), lists(table, knobs) {
    table.set_swap_cached(true);  // no page waits on its way to a list
    for (PageNumber page = 0; page < kHundred; ++page) lists.load(page, Access::write);
    for (PageNumber page = 0; page < kFirst; ++page) EXPECT_EQ(lists.victim(), page);
    for (PageNumber page = kFirst; page < kHundred; ++page) lists.hit(page, Access::write);
  }
  // Whether it gave up as it took so many.
  [[nodiscard]] bool gives_up(int victims = 1) {
    for (int i = 0; i < victims; ++i) (void)lists.victim();
    return table.take_gave_up();
  }

  PageTable table;
  LinuxGroup lists;
};

TEST(LinuxGroup, Gives_up_where_inactive_ran_empty_and_was_not_low_when_it_was_counted) {
  AllInUse group({.flushed_every = 1'000'000});
  EXPECT_FALSE(group.table.take_gave_up());
  EXPECT_TRUE(group.gives_up());
}

TEST(LinuxGroup, Finds_pages_where_the_lists_are_counted_anew) {
  AllInUse group({.flushed_every = 1'000'000});
  EXPECT_TRUE(group.gives_up());
  group.table.advance(2'000'000);
  EXPECT_FALSE(group.gives_up(40));
}

TEST(LinuxGroup, Finds_pages_where_somebody_reads_the_statistics) {
  AllInUse group({.flushed_every = 1'000'000, .read_every = 1000});
  EXPECT_TRUE(group.gives_up());
  group.table.advance(1000);
  EXPECT_FALSE(group.gives_up(40));
}

TEST(LinuxGroup, One_active_file_page_is_enough_to_deactivate_whatever_was_counted) {
  AllInUse group({.flushed_every = 1'000'000, .file_pages = 1, .file_every = 1'000'000});
  EXPECT_FALSE(group.gives_up());
}

TEST(LinuxGroup, Gives_up_once_its_file_pages_are_gone_and_not_once_they_are_back) {
  AllInUse group({.flushed_every = 1'000'000, .file_pages = 1, .file_every = 1000});
  EXPECT_FALSE(group.gives_up(32)) << "a batch, with which the file page leaves";
  EXPECT_TRUE(group.gives_up());
  EXPECT_FALSE(group.gives_up(31)) << "what was deactivated in spite of that";
  group.table.advance(1000);
  EXPECT_FALSE(group.gives_up());
}

TEST(LinuxGroup, A_page_was_away_for_a_short_time_by_the_active_list_as_it_was_counted) {
  AllInUse group({.flushed_every = 1'000'000});
  group.lists.load(0, Access::write);
  EXPECT_FALSE(group.lists.active(0)) << "no page was active when they were counted";
  (void)group.gives_up();
  const PageNumber last = group.lists.victim();
  group.table.advance(2'000'000);
  group.lists.load(last, Access::write);
  EXPECT_TRUE(group.lists.active(last));
}

TEST(LinuxGroup, Pages_that_wait_on_their_way_to_a_list_are_not_found) {
  PageTable table(kHundred);
  LinuxGroup lists(table, {.processors = 2});
  for (PageNumber page = 0; page < 60; ++page) lists.load(page, Access::write);
  (void)lists.victim();
  EXPECT_TRUE(table.take_gave_up()) << "30 wait on each processor";
}

TEST(LinuxGroup, Pages_are_on_their_list_once_31_have_come_by_a_processor) {
  PageTable table(kHundred);
  LinuxGroup lists(table, {.processors = 2});
  for (PageNumber page = 0; page < 62; ++page) lists.load(page, Access::write);
  (void)lists.victim();
  EXPECT_FALSE(table.take_gave_up());
}

// The live comparisons' group on zram: ten processes on memory for eight and a half.
MachinePlan a_little_too_much(const LinuxGroupKnobs& knobs) {
  constexpr std::size_t kProcesses = 10;
  CompressedShape zram;
  zram.compress = std::chrono::nanoseconds(1400);
  zram.decompress = std::chrono::nanoseconds(960);
  zram.takes_memory = false;
  MachinePlan plan = test::small_machine(85248, {Pages(262144), zram});
  plan.processors = 2;
  plan.paging_at_once = 1;
  plan.access = std::chrono::nanoseconds(121);
  plan.memory.costs.minor_fault = std::chrono::nanoseconds(1927);
  plan.memory.watermarks = {};
  plan.memory.replacement.make = [knobs](PageTable& table, std::size_t, const Rng&) {
    return std::make_unique<ReplacementOf<LinuxGroup>>(LinuxGroup(table, knobs));
  };
  for (std::size_t i = 0; i < kProcesses; ++i)
    plan.processes.push_back(test::uniform_process(9766, 2000, milliseconds(10)));
  return plan;
}

std::size_t killed(const Machine& machine, const MachinePlan& plan) {
  std::size_t count = 0;
  for (ThreadNumber number = 0; number < plan.processes.size(); ++number)
    count += machine.ended(number).ending == Ending::killed ? 1 : 0;
  return count;
}

TEST(LinuxGroup, A_little_too_much_is_killed_with_swap_to_spare_until_it_fits) {
  const MachinePlan plan =
      a_little_too_much({.read_every = 1'000'000'000, .phase = 300'000'000, .file_pages = 240});
  test::MachineRun run(plan);
  run.until(seconds(15));
  EXPECT_EQ(killed(run.machine, plan), 2U) << "eight fit";
  EXPECT_LT(run.machine.memory().swap().used(), 20000U) << "of 262,144";
}

TEST(LinuxGroup, Nobody_is_killed_where_the_lists_are_counted_all_the_time) {
  const MachinePlan plan = a_little_too_much({.read_every = 1'000'000, .file_pages = 240});
  test::MachineRun run(plan);
  run.until(seconds(15));
  EXPECT_EQ(killed(run.machine, plan), 0U);
  EXPECT_GT(run.major_faults(), 100000U);
}

}  // namespace
}  // namespace brim::thrash::model
