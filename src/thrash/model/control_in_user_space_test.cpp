// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/control_in_user_space.h"

#include "thrash/model/test_controls.h"

#include <functional>
#include <memory>
#include <utility>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;

// Does the same at each tick, and counts.
class Scripted final : public ThrashControl {
 public:
  using Act = std::function<void(MachineControls&)>;
  Scripted(Act act, int& ticks, int& faults)
      : act_(std::move(act)), ticks_(ticks), faults_(faults) {}
  void tick(MachineControls& machine, ModelTime /*now*/) override {
    ++ticks_;
    act_(machine);
  }
  void fault(MachineControls& /*machine*/, ThreadNumber /*process*/, Fault /*fault*/,
             ModelTime /*now*/) override {
    ++faults_;
  }

 private:
  Act act_;
  int& ticks_;
  int& faults_;
};

class ControlInUserSpaceTest : public testing::Test {
 protected:
  ControlInUserSpace control_that(Scripted::Act act) {
    return ControlInUserSpace(std::make_unique<Scripted>(std::move(act), ticks_, faults_));
  }
  int ticks_ = 0;
  int faults_ = 0;
  FakeMachine machine_{3};
};

// One leaves, another comes.
void switch_over(MachineControls& machine) {
  machine.freeze(0);
  machine.order_out(0);
  machine.order_in(1);
  machine.thaw(1);
}

TEST_F(ControlInUserSpaceTest, What_is_done_waits_until_pages_that_move_before_it_have_moved) {
  machine_.views[1] = {.runs = true, .frozen = true, .swapped = 100};
  ControlInUserSpace control = control_that(switch_over);
  control.tick(machine_, 0ms);
  EXPECT_EQ(machine_.done(), "freeze 0, out 0");
  machine_.views[0].frames = 40;
  control.tick(machine_, 100ms);
  EXPECT_EQ(machine_.done(), "") << "40 are still there";
  machine_.views[0].frames = 0;
  control.tick(machine_, 200ms);
  EXPECT_EQ(machine_.done(), "in 1");
  EXPECT_EQ(ticks_, 1) << "it sees nothing new while it is at it";
  machine_.views[1].swapped = 0;
  control.tick(machine_, 300ms);
  EXPECT_EQ(ticks_, 2);
  EXPECT_EQ(machine_.done(), "thaw 1, freeze 0, out 0, in 1, thaw 1") << "there is nothing to move";
}

TEST_F(ControlInUserSpaceTest, Pages_that_get_nowhere_are_given_up_after_a_while) {
  ControlInUserSpace control = control_that(switch_over);
  control.tick(machine_, 0ms);
  EXPECT_EQ(machine_.done(), "freeze 0, out 0");
  control.tick(machine_, 199ms);
  EXPECT_EQ(machine_.done(), "");
  control.tick(machine_, 399ms);
  EXPECT_EQ(machine_.done(), "in 1, thaw 1, freeze 0, out 0") << "200 ms without a page";
}

TEST_F(ControlInUserSpaceTest, The_control_sees_what_it_has_just_done) {
  bool frozen = false;
  bool thawed = false;
  bool runs = true;
  ControlInUserSpace control = control_that([&](MachineControls& machine) {
    machine.freeze(0);
    frozen = machine.process(0).frozen;
    machine.thaw(0);
    thawed = !machine.process(0).frozen;
    machine.kill(2);
    runs = machine.process(2).runs;
  });
  control.tick(machine_, 0ms);
  EXPECT_TRUE(frozen && thawed && !runs);
  EXPECT_EQ(machine_.done(), "freeze 0, thaw 0");
  EXPECT_FALSE(machine_.views[2].runs);
}

TEST_F(ControlInUserSpaceTest, Of_one_that_ends_meanwhile_nothing_is_waited_for) {
  ControlInUserSpace control = control_that(switch_over);
  control.tick(machine_, 0ms);
  machine_.views[0].runs = false;
  control.tick(machine_, 20ms);
  EXPECT_EQ(machine_.done(), "freeze 0, out 0, in 1, thaw 1, freeze 0, out 0, in 1, thaw 1");
}

TEST_F(ControlInUserSpaceTest, Faults_are_told_at_the_next_tick) {
  ControlInUserSpace control = control_that([](MachineControls&) {});
  control.fault(machine_, 1, Fault::major, 5ms);
  control.fault(machine_, 2, Fault::major, 6ms);
  EXPECT_EQ(faults_, 0);
  control.tick(machine_, 10ms);
  EXPECT_EQ(faults_, 2);
  control.tick(machine_, 20ms);
  EXPECT_EQ(faults_, 2);
}

}  // namespace
}  // namespace brim::thrash::model
