// SPDX-License-Identifier: Apache-2.0
// Controls under which groups of processes take turns: the rules of each.
#include "thrash/model/control_medium_term_scheduler.h"
#include "thrash/model/control_sigstop_round_robin.h"
#include "thrash/model/test_controls.h"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;
using testing::ElementsAre;
using testing::IsEmpty;

TEST(PackTest, Groups_fit_and_have_everyone_once) {
  EXPECT_THAT(pack({{0, 40}, {1, 60}, {2, 30}, {3, 70}}, 100),
              ElementsAre(ElementsAre(2, 3), ElementsAre(0, 1)));
  EXPECT_THAT(pack({{0, 50}, {1, 50}}, 100), ElementsAre(ElementsAre(0, 1)));
  EXPECT_THAT(pack({{0, 50}, {1, 51}}, 100), ElementsAre(ElementsAre(1), ElementsAre(0)));
  EXPECT_THAT(pack({{0, 200}, {1, 10}}, 100), ElementsAre(ElementsAre(0), ElementsAre(1)));
  EXPECT_THAT(pack({}, 100), IsEmpty());
}

// 960 of 1,000 frames are below the high watermark, whoever has them.
constexpr Pages kFrames{1000};
FakeMachine crowded(std::size_t processes, std::size_t pages_of_each) {
  FakeMachine machine(processes, pages_of_each);
  machine.free = kFrames.count();
  return machine;
}

TEST(MediumTermSchedulerTest, Leaves_all_alone_that_fits) {
  FakeMachine machine = crowded(3, 320);
  MediumTermScheduler scheduler({}, kFrames, {});
  scheduler.tick(machine, 10ms);
  EXPECT_EQ(machine.done(), "");
  machine.views[0].swapped = 1;
  scheduler.tick(machine, 20ms);
  EXPECT_THAT(scheduler.groups(), ElementsAre(ElementsAre(0, 1), ElementsAre(2)));
  EXPECT_EQ(machine.done(), "freeze 2");
}

TEST(MediumTermSchedulerTest, Groups_take_turns_the_largest_for_a_second) {
  FakeMachine machine = crowded(3, 400);
  MediumTermScheduler scheduler({}, kFrames, {});
  scheduler.tick(machine, 10ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
  scheduler.tick(machine, 1010ms - 1ns);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
  scheduler.tick(machine, 1010ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2));
  scheduler.tick(machine, 1760ms - 1ns);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2)) << "one of two: half way from 0.5 to 1 s";
  scheduler.tick(machine, 1760ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
}

TEST(MediumTermSchedulerTest, A_new_round_packs_anew_and_the_last_one_thaws_all) {
  FakeMachine machine = crowded(3, 400);
  MediumTermScheduler scheduler({}, kFrames, {});
  scheduler.tick(machine, 0s);
  machine.views[2].frames = 100;
  machine.views[0].frames = 700;
  scheduler.tick(machine, 1s);
  scheduler.tick(machine, 2s);
  EXPECT_THAT(scheduler.groups(), ElementsAre(ElementsAre(0, 2), ElementsAre(1)));
  machine.kill(0);
  scheduler.tick(machine, 3s);
  scheduler.tick(machine, 4s);
  EXPECT_THAT(scheduler.groups(), IsEmpty());
  EXPECT_THAT(machine.not_frozen(), ElementsAre(1, 2));
}

TEST(MediumTermSchedulerTest, A_group_that_has_ended_leaves_its_turn_at_once) {
  FakeMachine machine = crowded(3, 600);
  MediumTermScheduler scheduler({}, kFrames, {});
  scheduler.tick(machine, 0s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0));
  machine.kill(0);
  machine.kill(1);
  scheduler.tick(machine, 10ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2));
}

TEST(MediumTermSchedulerTest, Newcomers_run_with_the_group_whose_turn_it_is) {
  FakeMachine machine = crowded(4, 600);
  machine.views[3].runs = false;
  MediumTermScheduler scheduler({}, kFrames, {});
  scheduler.tick(machine, 0s);
  machine.views[3].runs = true;
  scheduler.tick(machine, 10ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 3));
  EXPECT_THAT(scheduler.groups()[0], ElementsAre(0, 3));
}

// Sizes 400, 400, 400 and an interactive 100.
TEST(MediumTermSchedulerTest, Interactive_processes_are_in_every_group_after_one_round) {
  FakeMachine machine = crowded(4, 400);
  machine.views[3].frames = 100;
  MediumTermScheduler scheduler({}, kFrames, {false, false, false, true});
  scheduler.tick(machine, 0s);
  EXPECT_THAT(scheduler.groups(), ElementsAre(ElementsAre(0, 1, 3), ElementsAre(2)));
  scheduler.tick(machine, 1s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2)) << "not known in the first round";
  scheduler.tick(machine, 2s);
  EXPECT_THAT(scheduler.groups(), ElementsAre(ElementsAre(0, 1), ElementsAre(2)));
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1, 3));
  scheduler.tick(machine, 2500ms - 1ns);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1, 3));
  scheduler.tick(machine, 2500ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1)) << "for half of the slice";
  scheduler.tick(machine, 3s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2, 3));
}

TEST(MediumTermSchedulerTest, In_bulk_pages_leave_before_others_come) {
  FakeMachine machine = crowded(2, 600);
  MediumTermScheduler scheduler({.moving = Moving::in_bulk}, kFrames, {});
  scheduler.tick(machine, 0s);
  EXPECT_EQ(machine.done(), "freeze 1, out 1");
  scheduler.tick(machine, 1s);
  EXPECT_EQ(machine.done(), "freeze 0, out 0, in 1, thaw 1");
}

TEST(SigstopRoundRobinTest, As_many_as_fit_run_for_a_slice_and_then_the_next) {
  FakeMachine machine = crowded(5, 480);
  SigstopRoundRobin control({}, kFrames);
  control.tick(machine, 0s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1)) << "960 pages";
  control.tick(machine, 2s - 1ns);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
  control.tick(machine, 2s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(2, 3));
  control.tick(machine, 4s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 4));
  machine.views[1].frames = 481;
  control.tick(machine, 6s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(1)) << "961 with the next";
}

TEST(SigstopRoundRobinTest, Leaves_all_alone_that_fits) {
  FakeMachine machine = crowded(2, 480);
  SigstopRoundRobin control({}, kFrames);
  for (int second = 0; second < 10; ++second) control.tick(machine, second * 1s);
  EXPECT_EQ(machine.done(), "");
}

TEST(SigstopRoundRobinTest, What_a_device_keeps_in_memory_is_no_room) {
  FakeMachine machine(3, 300);
  machine.free = 60;
  machine.views[2].swapped = 20;
  SigstopRoundRobin control({}, kFrames);
  control.tick(machine, 0s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1, 2)) << "920 of 960 - 40";
  machine.free = 59;
  control.tick(machine, 2s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
}

TEST(SigstopRoundRobinTest, A_number_given_runs_whatever_fits) {
  FakeMachine machine = crowded(3, 900);
  SigstopRoundRobin control({.running = 2}, kFrames);
  control.tick(machine, 0s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 1));
  control.tick(machine, 2s);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(0, 2));
  machine.kill(0);
  machine.kill(2);
  control.tick(machine, 2010ms);
  EXPECT_THAT(machine.not_frozen(), ElementsAre(1)) << "nobody else is left";
}

}  // namespace
}  // namespace brim::thrash::model
