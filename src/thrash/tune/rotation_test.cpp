// SPDX-License-Identifier: Apache-2.0
// Who runs with whom, and how long.
#include "thrash/tune/rotation.h"

#include "thrash/tune/test_machines.h"

#include <map>

#include <gmock/gmock.h>

namespace brim::thrash::tune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

TaskGroup unit_of(std::int64_t number, std::uint64_t mib) {
  return {{task_id(number)}, mebibytes(mib), false};
}

TEST(TaskGroups, Groups_never_exceed_the_room_unless_they_are_one_unit) {
  std::vector<TaskGroup> units;
  units.reserve(40);
  for (int i = 0; i < 40; ++i)
    units.push_back(unit_of(i, 1 + (static_cast<unsigned>(i) * 37) % 50));
  const Bytes room = mebibytes(45);
  std::size_t tasks = 0;
  for (const TaskGroup& group : pack(units, room)) {
    tasks += group.tasks.size();
    if (group.tasks.size() > 1) {
      EXPECT_LE(group.need, room);
    }
    EXPECT_EQ(group.too_large, group.need > room);
  }
  EXPECT_EQ(tasks, units.size());
}

TEST(TaskGroups, Are_few) {
  // 6 + 4, 5 + 5, 7 + 3: three bins of 10 hold all, filled to the brim.
  const auto groups = pack(
      {unit_of(1, 3), unit_of(2, 4), unit_of(3, 5), unit_of(4, 5), unit_of(5, 6), unit_of(6, 7)},
      mebibytes(10));
  EXPECT_THAT(groups, SizeIs(3));
}

TEST(TaskGroups, Linked_tasks_are_one_unit_also_through_others) {
  ObedientMachine machine(mebibytes(100));
  for (int i = 1; i <= 5; ++i) machine.add(i, mebibytes(10));
  machine.task(1).linked = {task_id(3)};
  machine.task(5).linked = {task_id(3)};
  const Units found = units_in(machine.domain, {}, machine.policy);
  ASSERT_THAT(found.units, SizeIs(3));
  EXPECT_THAT(found.units[0].tasks, ElementsAre(task_id(1), task_id(3), task_id(5)));
  EXPECT_EQ(found.units[0].need, mebibytes(30));
}

TEST(TaskGroups, One_that_is_never_frozen_ties_nobody_together_and_takes_room) {
  ObedientMachine machine(mebibytes(100));
  machine.add(1, mebibytes(10)).linked = {task_id(2)};
  machine.add(2, mebibytes(10)).interactive = true;
  machine.add(3, mebibytes(10)).linked = {task_id(2)};
  const Units found = units_in(machine.domain, {}, machine.policy);
  EXPECT_THAT(found.units, SizeIs(2));
  EXPECT_EQ(found.spared, mebibytes(10));
}

TEST(Rotation, Runs_only_what_fits_and_everybody_in_turn) {
  ObedientMachine machine(mebibytes(100));
  for (std::uint64_t i = 1; i <= 9; ++i)
    machine.add(static_cast<std::int64_t>(i), mebibytes(20 + i));
  machine.thrash();
  std::map<std::int64_t, int> runs;
  for (int i = 0; i < 12; ++i) {
    machine.until_switch();
    EXPECT_LE(machine.running_memory(), mebibytes(95));
    for (const std::int64_t number : machine.running()) ++runs[number];
  }
  EXPECT_THAT(runs, SizeIs(9));
  for (const auto& [number, count] : runs) EXPECT_GE(count, 2) << number;
}

TEST(Rotation, No_more_leave_than_must_and_all_run_alike) {
  ObedientMachine machine(mebibytes(90));  // room for eight of ten
  for (int i = 1; i <= 10; ++i) machine.add(i, mebibytes(10));
  machine.thrash();
  std::map<std::int64_t, int> runs;
  for (int i = 0; i < 20; ++i) {
    const ThrashPlan plan = machine.until_switch();
    EXPECT_THAT(machine.running(), SizeIs(8));
    for (const Action& action : plan.actions) {
      EXPECT_THAT(action.tasks, SizeIs(2)) << name_of(action.act);
    }
    for (const std::int64_t number : machine.running()) ++runs[number];
  }
  EXPECT_THAT(runs, SizeIs(10));
  for (const auto& [number, count] : runs) EXPECT_NEAR(count, 16, 1) << number;
}

TEST(Rotation, Everybody_has_a_turn_also_where_all_are_held_anew_at_each) {
  ObedientMachine machine(mebibytes(26));
  machine.holds_anew = true;
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(16));
  machine.thrash();
  std::map<std::int64_t, int> runs;
  for (int i = 0; i < 12; ++i) {
    machine.until_switch();
    for (const std::int64_t number : machine.running()) ++runs[number];
  }
  EXPECT_THAT(runs, SizeIs(4));
  for (const auto& [number, count] : runs) EXPECT_EQ(count, 3) << number;
}

TEST(Rotation, Where_one_ends_who_fits_in_its_place_does_not_wait_for_the_switch) {
  ObedientMachine machine(mebibytes(50));
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(20));
  machine.thrash();
  const std::vector<std::int64_t> ran = machine.running();
  ASSERT_THAT(ran, SizeIs(2));
  machine.remove(ran.front());
  machine.pass(100ms, false);
  machine.look();
  EXPECT_THAT(machine.running(), SizeIs(2));
  EXPECT_THAT(machine.running(), testing::Contains(ran.back())) << "it goes on";
}

TEST(Rotation, Links_are_kept_at_every_switch) {
  ObedientMachine machine(mebibytes(50));
  for (int i = 1; i <= 6; ++i) machine.add(i, mebibytes(15));
  machine.task(1).linked = {task_id(6)};
  machine.thrash();
  for (int i = 0; i < 12; ++i) {
    machine.until_switch();
    EXPECT_EQ(machine.task(1).frozen_since.has_value(), machine.task(6).frozen_since.has_value());
  }
}

TEST(Rotation, A_slice_is_many_times_what_the_switch_before_took) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 2; ++i) machine.add(i, mebibytes(16));
  machine.policy.most_wait = 100s;
  const ThrashPlan first = machine.thrash();
  EXPECT_EQ(first.domains[0].slice, machine.policy.least_slice);
  machine.pass(1500ms, true);  // its memory comes in
  machine.look();
  machine.pass(250ms, false);
  const ThrashPlan settled = machine.look();
  EXPECT_EQ(settled.domains[0].slice, 4 * 1750ms);
}

TEST(Rotation, Nobody_waits_longer_than_the_most_and_the_moment_is_exact) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 2; ++i) machine.add(i, mebibytes(16));
  machine.policy.least_slice = 60s;
  machine.policy.most_wait = 10s;
  machine.acting_took = 300ms;
  machine.thrash();
  const std::vector<std::int64_t> first = machine.running();
  machine.pass(9700ms - 1ns, false);  // 300 ms are needed to let it run
  EXPECT_THAT(machine.look().actions, IsEmpty());
  EXPECT_EQ(machine.running(), first);
  machine.pass(1ns, false);
  EXPECT_THAT(machine.look().actions, testing::Not(IsEmpty()));
  EXPECT_NE(machine.running(), first);
}

TEST(Rotation, With_many_groups_slices_shrink_so_that_nobody_waits_too_long) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 8; ++i) machine.add(i, mebibytes(16));
  machine.policy.most_wait = 7s;
  machine.thrash();
  for (int i = 0; i < 40; ++i) {
    const ThrashPlan plan = machine.until_switch();
    EXPECT_THAT(plan.domains[0].notes, IsEmpty());
    for (const Task& task : machine.domain.tasks)
      if (task.frozen_since) {
        EXPECT_LE(machine.now - *task.frozen_since, 7s);
      }
  }
}

TEST(Rotation, Says_so_where_waiting_cannot_be_kept_short) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 8; ++i) machine.add(i, mebibytes(16));
  machine.policy.most_wait = 2s;
  const ThrashPlan plan = machine.thrash();
  EXPECT_EQ(plan.domains[0].slice, machine.policy.shortest_slice);
  ASSERT_THAT(plan.domains[0].notes, SizeIs(1));
  EXPECT_THAT(plan.domains[0].notes[0], HasSubstr("8 groups"));
}

TEST(Rotation, The_slice_is_the_most_that_the_wait_allows_and_no_less_than_the_shortest) {
  ThrashPolicy policy = *read_thrash_policy({});
  policy.most_wait = 9s;
  EXPECT_EQ(slice_for(4, 10s, 0s, policy).length, 3s);
  EXPECT_EQ(slice_for(4, 10s, 1s, policy).length, 2s);
  EXPECT_FALSE(slice_for(4, 10s, 2500ms, policy).waits_too_long);
  EXPECT_TRUE(slice_for(4, 10s, 2500ms + 1ns, policy).waits_too_long);
  EXPECT_EQ(slice_for(4, 10s, 2900ms, policy).length, policy.shortest_slice);
  EXPECT_EQ(slice_for(2, 1s, 0s, policy).length, 4s);
}

TEST(Rotation, A_task_that_outgrows_its_group_is_parted_from_it_at_once) {
  ObedientMachine machine(mebibytes(50));
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(20));
  machine.thrash();
  ASSERT_THAT(machine.running(), SizeIs(2));
  const std::int64_t grows = machine.running().front();
  machine.task(grows).resident = mebibytes(40);
  machine.pass(100ms, false);
  const ThrashPlan plan = machine.look();
  EXPECT_THAT(machine.running(), ElementsAre(grows));
  EXPECT_LE(machine.running_memory(), mebibytes(45));
  EXPECT_THAT(plan.domains[0].reason, HasSubstr("does not fit"));
}

TEST(Rotation, What_ended_makes_way_for_the_next_group_at_once) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 3; ++i) machine.add(i, mebibytes(16));
  machine.thrash();
  machine.remove(machine.running().front());
  machine.pass(50ms, false);
  machine.look();
  EXPECT_THAT(machine.running(), SizeIs(1));
}

TEST(Rotation, A_frozen_task_that_vanishes_is_forgotten) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(16));
  const ThrashPlan first = machine.thrash();
  machine.remove(first.frozen.front().number);
  machine.pass(50ms, false);
  const ThrashPlan plan = machine.look();
  EXPECT_THAT(plan.frozen, SizeIs(2));
  EXPECT_THAT(plan.domains[0].groups, SizeIs(3));
}

TEST(Rotation, A_newcomer_waits_for_its_turn_and_gets_it) {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 3; ++i) machine.add(i, mebibytes(16));
  machine.thrash();
  machine.add(9, mebibytes(16));
  machine.pass(50ms, false);
  machine.look();
  EXPECT_TRUE(machine.task(9).frozen_since.has_value());
  bool ran = false;
  for (int i = 0; i < 4; ++i) {
    machine.until_switch();
    ran = ran || !machine.task(9).frozen_since;
  }
  EXPECT_TRUE(ran);
}

TEST(Rotation, What_a_task_was_seen_to_need_counts_from_then_on) {
  ObedientMachine machine(mebibytes(100));
  for (int i = 1; i <= 3; ++i) machine.add(i, mebibytes(60));
  machine.thrash();
  // Each uses 20 MiB of its 60 while it runs, and the rest stays out.
  bool over = false;
  for (int i = 0; i < 5 && !over; ++i) {
    for (Task& task : machine.domain.tasks)
      if (!task.frozen_since) {
        task.resident = mebibytes(20);
        task.swapped = mebibytes(40);
      }
    machine.until_switch();
    over = machine.history.domains[0].state == DomainState::calm;
  }
  EXPECT_TRUE(over);
  EXPECT_THAT(machine.running(), SizeIs(3));
}

}  // namespace
}  // namespace brim::thrash::tune
