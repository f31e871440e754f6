// SPDX-License-Identifier: Apache-2.0
// When the guard acts, and on whom.
#include "thrash/tune/thrash_plan.h"

#include "thrash/tune/test_machines.h"

#include <gmock/gmock.h>

namespace brim::thrash::tune {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

// Four tasks of 16 MiB in 26 MiB: one at a time fits.
ObedientMachine crowded() {
  ObedientMachine machine(mebibytes(26));
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(16));
  return machine;
}

TEST(ThrashPlan, Does_nothing_at_high_use_without_thrashing) {
  ObedientMachine machine = crowded();
  for (int i = 0; i < 20; ++i) {
    const ThrashPlan plan = machine.look();
    EXPECT_THAT(plan.actions, IsEmpty());
    EXPECT_THAT(plan.frozen, IsEmpty());
    EXPECT_EQ(plan.domains[0].state, DomainState::calm);
    machine.pass(1s, false);
  }
}

TEST(ThrashPlan, Does_nothing_while_all_fits_however_much_comes_back) {
  ObedientMachine machine(mebibytes(100));
  for (int i = 1; i <= 4; ++i) machine.add(i, mebibytes(16));
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(machine.look().actions, IsEmpty());
    machine.pass(1s, true);
  }
}

TEST(ThrashPlan, Does_nothing_while_processors_do_the_tasks_own_work) {
  ObedientMachine machine = crowded();
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(machine.look().actions, IsEmpty());
    machine.pass(1s, true);
    machine.pass(Time(0), false);
    machine.task(1).user_time += 900ms;
    machine.task(2).user_time += 900ms;
  }
}

TEST(ThrashPlan, Acts_after_two_looks_with_signs_and_not_after_one) {
  ObedientMachine machine = crowded();
  machine.look();
  machine.pass(1s, true);
  EXPECT_THAT(machine.look().actions, IsEmpty());
  machine.pass(1s, true);
  EXPECT_THAT(machine.look().actions, testing::Not(IsEmpty()));
}

TEST(ThrashPlan, A_calm_look_between_two_with_signs_starts_anew) {
  ObedientMachine machine = crowded();
  machine.look();
  for (int i = 0; i < 10; ++i) {
    machine.pass(1s, true);
    EXPECT_THAT(machine.look().actions, IsEmpty());
    machine.pass(1s, false);
    EXPECT_THAT(machine.look().actions, IsEmpty());
  }
}

TEST(ThrashPlan, An_alarm_of_the_kernel_takes_one_look_the_less) {
  ObedientMachine machine = crowded();
  machine.triggered = true;
  machine.look();
  machine.pass(1s, true);
  EXPECT_THAT(machine.look().actions, testing::Not(IsEmpty()));
}

TEST(ThrashPlan, Looks_at_tasks_only_once_something_is_suspicious) {
  ObedientMachine machine = crowded();
  EXPECT_FALSE(machine.look().closely);
  machine.pass(1s, false);
  EXPECT_FALSE(machine.look().closely);
  machine.domain.tasks_known = false;
  const std::vector<Task> tasks = std::exchange(machine.domain.tasks, {});
  machine.pass(1s, true);
  EXPECT_TRUE(machine.look().closely);
  machine.domain.tasks_known = true;
  machine.domain.tasks = tasks;
  machine.pass(1s, true);
  EXPECT_THAT(machine.look().actions, IsEmpty());  // they were looked at once
}

TEST(ThrashPlan, Stops_and_empties_before_it_fetches_and_starts) {
  ObedientMachine machine = crowded();
  machine.thrash();
  const ThrashPlan plan = machine.until_switch();
  std::vector<Act> acts;
  for (const Action& action : plan.actions) {
    acts.push_back(action.act);
    EXPECT_FALSE(action.reason.empty());
  }
  EXPECT_THAT(acts, ElementsAre(Act::freeze, Act::page_out, Act::prefetch, Act::thaw));
}

TEST(ThrashPlan, The_first_act_holds_all_still_but_one_group) {
  ObedientMachine machine = crowded();
  const ThrashPlan plan = machine.thrash();
  EXPECT_EQ(plan.domains[0].state, DomainState::turns);
  EXPECT_TRUE(plan.domains[0].changed);
  EXPECT_THAT(plan.domains[0].groups, SizeIs(4));
  EXPECT_THAT(plan.frozen, SizeIs(3));
  EXPECT_THAT(machine.running(), SizeIs(1));
  EXPECT_THAT(plan.domains[0].reason, HasSubstr("waited for memory 90 %"));
}

TEST(ThrashPlan, Without_bulk_transfer_it_only_freezes_and_thaws) {
  ObedientMachine machine = crowded();
  machine.policy.page_out = machine.policy.prefetch = false;
  machine.thrash();
  for (const Action& action : machine.until_switch().actions)
    EXPECT_TRUE(action.act == Act::freeze || action.act == Act::thaw);
}

TEST(ThrashPlan, Interactive_and_protected_tasks_are_never_frozen) {
  ObedientMachine machine = crowded();
  machine.add(5, mebibytes(16)).interactive = true;
  machine.add(6, mebibytes(1));  // small
  machine.task(2).protected_ = true;
  machine.task(3).standing = true;
  machine.thrash();
  for (int i = 0; i < 12; ++i) {
    const ThrashPlan plan = machine.until_switch();
    for (const int number : {2, 3, 5, 6})
      EXPECT_FALSE(std::binary_search(plan.frozen.begin(), plan.frozen.end(), task_id(number)));
  }
}

TEST(ThrashPlan, All_are_thawed_when_demand_fits_again) {
  ObedientMachine machine = crowded();
  machine.thrash();
  machine.domain.capacity = mebibytes(100);
  machine.pass(100ms, false);
  const ThrashPlan plan = machine.look();
  EXPECT_EQ(plan.domains[0].state, DomainState::calm);
  EXPECT_THAT(plan.frozen, IsEmpty());
  EXPECT_THAT(machine.running(), SizeIs(4));
  EXPECT_THAT(plan.domains[0].reason, HasSubstr("fits"));
}

// Two that get this share of a processor each while both run and thrash, and one of them 20 % while
// it runs alone.
class TwoThatShare {
 public:
  TwoThatShare() {
    machine.add(1, mebibytes(16));
    machine.add(2, mebibytes(16));
  }
  // So long, and how often it took turns meanwhile.
  int go_on(Time time, double of_each, double alone = 0.2, double alone_in_kernel = 0) {
    int turns = 0;
    for (const Time end = machine.now + time; machine.now < end;) {
      constexpr Time kLook = 500ms;
      const bool both = machine.running().size() == 2;
      if (both)
        machine.pass(kLook, true);
      else
        machine.now += kLook;
      for (Task& task : machine.domain.tasks)
        if (!task.frozen_since)
          add(task, kLook, both ? of_each : alone, both ? 0 : alone_in_kernel);
      last = machine.look();
      turns += last.domains[0].changed && last.domains[0].state == DomainState::turns ? 1 : 0;
    }
    return turns;
  }
  ObedientMachine machine{mebibytes(26)};
  ThrashPlan last;

 private:
  static void add(Task& task, Time time, double user, double system) {
    task.user_time += std::chrono::duration_cast<Time>(time * user);
    task.system_time += std::chrono::duration_cast<Time>(time * system);
  }
};

TEST(ThrashPlan, Turns_that_do_less_than_thrashing_did_are_given_up) {
  TwoThatShare two;
  EXPECT_EQ(two.go_on(8s, 0.45), 1);
  EXPECT_EQ(two.machine.running().size(), 1U);
  two.go_on(8s, 0.45);
  EXPECT_EQ(two.machine.running().size(), 2U) << "0.2 instead of 0.9";
  EXPECT_EQ(two.go_on(150s, 0.45), 0) << "also once its time is over";
  EXPECT_EQ(two.go_on(150s, 0.1), 1) << "0.2 instead of 0.2";
}

TEST(ThrashPlan, Turns_that_do_more_go_on) {
  TwoThatShare two;
  EXPECT_EQ(two.go_on(60s, 0.19), 1);
  EXPECT_EQ(two.machine.running().size(), 1U);
}

// Ticks put most of what the one does to the kernel's account, where nobody waits for memory.
TEST(ThrashPlan, Turns_whose_work_is_taken_for_the_kernels_go_on) {
  TwoThatShare two;
  EXPECT_EQ(two.go_on(60s, 0.4, 0.15, 0.45), 1);
  EXPECT_EQ(two.machine.running().size(), 1U);
}

TEST(ThrashPlan, A_domain_that_is_gone_leaves_nobody_frozen) {
  ObedientMachine machine = crowded();
  ASSERT_THAT(machine.thrash().frozen, testing::Not(IsEmpty()));
  const ThrashPlan after = plan(ThrashSnapshot(), machine.history, machine.policy, machine.now);
  EXPECT_THAT(after.frozen, IsEmpty());
}

TEST(ThrashPlan, What_belongs_together_all_of_it_is_left_to_thrash_and_this_is_said) {
  ObedientMachine machine = crowded();
  for (int i = 2; i <= 4; ++i) machine.task(i).linked = {task_id(1)};
  const ThrashPlan plan = machine.thrash();
  EXPECT_THAT(plan.frozen, IsEmpty());
  ASSERT_THAT(plan.domains[0].notes, SizeIs(1));
  EXPECT_THAT(plan.domains[0].notes[0], HasSubstr("can't help"));
}

TEST(ThrashPlan, Domains_inside_one_that_takes_turns_are_left_to_it) {
  ObedientMachine machine = crowded();
  machine.inner = {machine.domain};
  machine.inner[0].name = "/inner";
  for (int i = 0; i < 3; ++i) {
    machine.inner[0].stalled = machine.domain.stalled;
    machine.inner[0].refaults = machine.domain.refaults;
    machine.look();
    machine.pass(1s, true);
  }
  ASSERT_EQ(machine.history.domains[0].state, DomainState::turns);
  EXPECT_EQ(machine.history.domains[1].state, DomainState::calm);
}

TEST(ThrashPlan, The_same_snapshot_and_history_give_the_same_plan) {
  ObedientMachine machine = crowded();
  machine.thrash();
  machine.pass(1s, false);
  ThrashSnapshot snapshot;
  snapshot.domains = {machine.domain};
  const ThrashPlan one = plan(snapshot, machine.history, machine.policy, machine.now);
  const ThrashPlan other = plan(snapshot, machine.history, machine.policy, machine.now);
  EXPECT_EQ(one.frozen, other.frozen);
  EXPECT_EQ(one.next_look, other.next_look);
  EXPECT_EQ(one.domains[0].groups, other.domains[0].groups);
}

}  // namespace
}  // namespace brim::thrash::tune
