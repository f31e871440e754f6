// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/working_set_manager.h"

#include "thrash/model/test_memory.h"

#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

TEST(WorkingSetManagerTest, A_working_set_grows_to_its_most_and_beyond_while_memory_is_not_short) {
  const WorkingSetManager manager({.most = Pages(10)}, 100, 1);
  EXPECT_TRUE(manager.may_grow(9, true));
  EXPECT_FALSE(manager.may_grow(10, true));
  EXPECT_TRUE(manager.may_grow(10, false));
}

TEST(WorkingSetManagerTest, A_page_ages_to_three_until_it_is_referenced_or_comes_anew) {
  WorkingSetManager manager({}, 2, 1);
  for (const int age : {1, 2, 3, 3}) {
    manager.look(0, false);
    EXPECT_EQ(manager.age(0), age);
  }
  manager.look(0, true);
  EXPECT_EQ(manager.age(0), 0);
  manager.look(1, false);
  manager.came(1);
  EXPECT_EQ(manager.age(1), 0);
}

TEST(WorkingSetManagerTest, Each_pass_is_for_younger_pages_and_the_last_for_referenced_ones_too) {
  WorkingSetManager manager({}, 1, 1);
  manager.look(0, false);
  EXPECT_FALSE(manager.may_leave(0, false, 2));
  EXPECT_TRUE(manager.may_leave(0, false, 1));
  EXPECT_FALSE(manager.may_leave(0, true, 1));
  EXPECT_TRUE(manager.may_leave(0, true, 0));
  manager.look(0, false);
  EXPECT_TRUE(manager.may_leave(0, false, 2));
}

TEST(WorkingSetManagerTest, A_part_of_a_working_set_is_looked_at_each_interval_in_turn) {
  WorkingSetManager manager({.interval = 2s, .parts = 4}, 10, 2);
  EXPECT_FALSE(manager.is_due(1999ms));
  EXPECT_TRUE(manager.is_due(2s));
  EXPECT_FALSE(manager.is_due(3999ms));
  EXPECT_EQ(manager.looks_of(10), 3U);
  for (const std::uint32_t page : {0U, 1U, 2U, 3U, 0U}) EXPECT_EQ(manager.next_to_trim(1, 4), page);
  EXPECT_EQ(manager.next_to_look_at(1, 4), 0U) << "another turn than trimming";
  EXPECT_EQ(manager.next_to_trim(0, 4), 0U) << "and than the other process";
}

// 100 frames, of which 10 free are few.
MemoryShape with_working_sets(std::size_t high) {
  MemoryShape shape = test::shape_of(100, "clock");
  shape.watermarks = {.min = Pages(2), .low = Pages(10), .high = Pages(high)};
  shape.reclaimer = Reclaimer::daemon;
  shape.freed = Freed::kept;
  shape.local = true;
  shape.working_sets = WorkingSetShape{.least = Pages(2), .most = Pages(4), .parts = 1};
  return shape;
}

TEST(WorkingSetTest,
     Grows_while_memory_is_not_short_then_takes_its_own_and_grows_again_once_trimmed) {
  test::Memory memory(with_working_sets(20), 120);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 91; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.counts().pages_out, 0U);
  EXPECT_EQ(memory.manager.free_frames(), 9U);
  for (std::uint32_t page = 91; page < 100; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.held(0), 91U);
  EXPECT_EQ(memory.manager.counts().pages_out, 9U);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 11U);
  memory.finish();
  EXPECT_EQ(memory.manager.free_frames(), 20U);
  memory.make(100, Access::write);
  EXPECT_EQ(memory.manager.held(0), 81U);
  EXPECT_EQ(memory.manager.counts().pages_out, 20U);
}

TEST(WorkingSetTest, Who_waits_for_a_frame_keeps_what_it_has_until_it_gets_one) {
  MemoryShape shape = with_working_sets(20);
  shape.watermarks.min = Pages(9);
  test::Memory memory(shape, 120);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 91; ++page) memory.make(page, Access::write);
  for (int tries = 0; tries < 3; ++tries)
    EXPECT_EQ(memory.touch(100, Access::write).outcome, Outcome::waits_for_frame);
  EXPECT_EQ(memory.manager.next_completion(), kNever);
  EXPECT_EQ(memory.manager.held(0), 91U);
}

// Two processes' working sets, and the time.
struct TwoWorkingSets {
  explicit TwoWorkingSets(const MemoryShape& shape)
      : manager(shape, std::vector<SpacePlan>{{.pages = 60}, {.pages = 60}}, told, Rng(1)) {
    manager.begin(0);
    manager.begin(1);
  }
  void write(SpaceNumber space, std::uint32_t pages) {
    for (std::uint32_t page = 0; page < pages; ++page)
      EXPECT_EQ(manager.touch(space, {page, Access::write}, now).outcome, Outcome::made);
  }
  void pass(ModelTime time) {
    now += time;
    manager.tick(now);
  }
  void trim() {
    EXPECT_GT(manager.reclaim(now).taken, 0U);
    while (manager.next_completion() != kNever) {
      now = manager.next_completion();
      manager.complete(now);
    }
    EXPECT_EQ(manager.inconsistency(), "");
  }

  test::Told told;
  MemoryManager manager;
  ModelTime now{0};
};

// The first process's pages are not referenced for two seconds, in which the other's are.
TEST(WorkingSetTest, Trimming_takes_old_pages_before_all_others) {
  TwoWorkingSets sets(with_working_sets(30));
  sets.write(0, 40);
  sets.write(1, 40);
  for (int second = 0; second < 3; ++second) {
    sets.pass(1s);
    sets.write(1, 40);
  }
  sets.trim();
  EXPECT_EQ(sets.manager.held(0), 30U);
  EXPECT_EQ(sets.manager.held(1), 40U);
  EXPECT_EQ(sets.manager.standing_by(), 10U);
}

// Ten are needed; above their least they have 58 and 18.
TEST(WorkingSetTest, Where_no_page_is_old_all_give_in_proportion_to_what_they_have) {
  TwoWorkingSets sets(with_working_sets(30));
  sets.write(0, 60);
  sets.write(1, 20);
  sets.trim();
  EXPECT_EQ(sets.manager.held(0), 60U - 8U);
  EXPECT_EQ(sets.manager.held(1), 20U - 2U);
}

TEST(WorkingSetTest, The_least_of_a_working_set_is_left) {
  MemoryShape shape = with_working_sets(30);
  shape.working_sets->least = Pages(30);
  TwoWorkingSets sets(shape);
  sets.write(0, 60);
  sets.write(1, 20);
  sets.trim();
  EXPECT_EQ(sets.manager.held(0), 50U);
  EXPECT_EQ(sets.manager.held(1), 20U);
}

// The writer has four under way, and the tenth page is wanted before its turn.
TEST(WorkingSetTest, What_leaves_modified_waits_for_the_writer_and_is_not_written_if_taken_back) {
  MemoryShape shape = with_working_sets(90);
  shape.most_writes = 4;
  shape.longest_request = 4;
  test::Memory memory(shape);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 20; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 10U);
  EXPECT_EQ(memory.manager.free_frames(), 80U);
  EXPECT_EQ(memory.touch(9, Access::write).fault, Fault::minor);
  EXPECT_EQ(memory.manager.counts().rescued, 1U);
  memory.now = memory.manager.next_completion();
  memory.manager.complete(memory.now);
  EXPECT_EQ(memory.manager.counts().pages_out, 4U);
  memory.finish();
  EXPECT_EQ(memory.manager.counts().pages_out, 9U);
  EXPECT_EQ(memory.manager.swap().used(), 9U);
}

// Ten pages leave modified, and 80 frames are free.
TEST(WorkingSetTest, The_writer_begins_with_so_many_pages_or_where_memory_is_short) {
  struct Case {
    std::uint32_t modified_most;
    std::uint64_t low;
    std::uint64_t out;
  };
  for (const auto& [modified_most, low, out] : {Case{10, 80, 10}, {11, 80, 0}, {11, 81, 10}}) {
    MemoryShape shape = with_working_sets(90);
    shape.watermarks.low = Pages(low);
    shape.modified_most = modified_most;
    test::Memory memory(shape);
    memory.manager.begin(0);
    for (std::uint32_t page = 0; page < 20; ++page) memory.make(page, Access::write);
    EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 10U);
    memory.finish();
    EXPECT_EQ(memory.manager.counts().pages_out, out) << modified_most << ", " << low;
    memory.manager.release(0);
    memory.finish();
    EXPECT_EQ(memory.manager.free_frames(), 100U);
  }
}

// Of 4 to 9 two are taken back: the others are one request, though they left apart.
TEST(WorkingSetTest, The_writer_finds_room_for_a_cluster_as_it_comes_to_it) {
  MemoryShape shape = with_working_sets(90);
  shape.most_writes = 4;
  shape.longest_request = 4;
  test::Memory memory(shape);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 20; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 10U);
  for (const std::uint32_t page : {5U, 7U})
    EXPECT_EQ(memory.touch(page, Access::write).outcome, Outcome::made);
  for (const std::uint64_t out : {4U, 8U}) {
    memory.now = memory.manager.next_completion();
    memory.manager.complete(memory.now);
    EXPECT_EQ(memory.manager.counts().pages_out, out);
  }
  EXPECT_EQ(memory.manager.next_completion(), kNever);
  EXPECT_EQ(memory.manager.inconsistency(), "");
}

TEST(WorkingSetTest, What_an_ended_process_has_on_the_modified_list_is_not_written) {
  MemoryShape shape = with_working_sets(90);
  shape.most_writes = 4;
  shape.longest_request = 4;
  test::Memory memory(shape);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 20; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 10U);
  memory.manager.release(0);
  memory.finish();
  EXPECT_EQ(memory.manager.counts().pages_out, 4U);
  EXPECT_EQ(memory.manager.free_frames(), 100U);
  EXPECT_EQ(memory.manager.swap().used(), 0U);
}

// Where all frames were used again since they left: 0 is read, and 1 to 3 along with it.
TEST(WorkingSetTest, What_is_read_along_with_a_page_stands_by) {
  MemoryShape shape = test::shape_of(16, "clock");
  shape.watermarks = {.min = Pages(0), .low = Pages(1), .high = Pages(6)};
  shape.freed = Freed::kept;
  shape.local = true;
  shape.working_sets = WorkingSetShape{.least = Pages(1), .most = Pages(100)};
  shape.read_ahead = ReadAhead::pages;
  shape.read_ahead_pages = 4;
  test::Memory memory(shape);
  memory.manager.begin(0);
  for (std::uint32_t page = 0; page < 4; ++page) memory.make(page, Access::write);
  memory.manager.order_out(0, memory.now);
  memory.finish();
  for (std::uint32_t page = 10; page < 26; ++page) memory.make(page, Access::read);
  EXPECT_EQ(memory.manager.standing_by(), 0U);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 6U);
  memory.make(0, Access::read);
  EXPECT_EQ(memory.manager.counts().pages_in, 4U);
  EXPECT_EQ(memory.manager.held(0), 11U);
  EXPECT_EQ(memory.manager.standing_by(), 3U);
  EXPECT_EQ(memory.touch(1, Access::read).fault, Fault::minor);
  EXPECT_EQ(memory.manager.counts().unread, 1U);
}

TEST(WorkingSetTest, On_a_machine_all_end_and_frames_pages_and_slots_are_conserved) {
  for (const DeviceShape& device : {test::disk(), DeviceShape{Pages(500), CompressedShape{}}}) {
    MachinePlan plan = test::small_machine(100, device);
    plan.memory.watermarks = {.min = Pages(2), .low = Pages(6), .high = Pages(10)};
    plan.memory.reclaimer = Reclaimer::daemon;
    plan.memory.freed = Freed::kept;
    plan.memory.local = true;
    plan.memory.working_sets = WorkingSetShape{.least = Pages(4), .most = Pages(10)};
    plan.memory.most_writes = 8;
    plan.memory.read_ahead = ReadAhead::adjacent;
    for (int i = 0; i < 3; ++i) {
      plan.processes.push_back(test::uniform_process(50, 100, 1ms));
      plan.processes.back().run_for = std::chrono::milliseconds(200 * i + 200);
    }
    test::MachineRun run(plan);
    run.machine.after_each_event([&] { ASSERT_EQ(run.machine.memory().inconsistency(), ""); });
    run.until(10s);
    if (HasFailure()) return;
    EXPECT_GT(run.major_faults(), 0U);
    EXPECT_EQ(run.machine.memory().free_frames(), 100U);
    EXPECT_EQ(run.machine.memory().swap().used(), 0U);
  }
}

}  // namespace
}  // namespace brim::thrash::model
