// SPDX-License-Identifier: Apache-2.0
// earlyoom's rule of available memory and free swap, at its bounds.
#include "thrash/model/control_earlyoom.h"

#include "thrash/model/test_controls.h"

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;

// Three processes on 1,000 frames, of which 40 are kept free: from 141 on more than 10 % are
// available. They have 300 of 1,000 slots.
std::vector<ThreadNumber> left_after_a_look(std::size_t free, const EarlyoomKnobs& knobs = {},
                                            ModelTime when = 100ms) {
  FakeMachine machine{3};
  machine.free = free;
  for (ProcessView& view : machine.views) view.swapped = 100;
  machine.views[1].frames = 101;
  Earlyoom control(knobs, Pages(1000), Pages(1000));
  control.tick(machine, when);
  return machine.not_frozen();
}

using Left = std::vector<ThreadNumber>;

TEST(EarlyoomTest, Ends_the_largest_while_little_memory_is_available) {
  EXPECT_EQ(left_after_a_look(140), (Left{0, 2}));
  EXPECT_EQ(left_after_a_look(141), (Left{0, 1, 2}));
  EXPECT_EQ(left_after_a_look(340, {.memory = 30}), (Left{0, 2}));
  EXPECT_EQ(left_after_a_look(0, {}, 90ms), (Left{0, 1, 2})) << "it looks each 0.1 s";
}

TEST(EarlyoomTest, And_only_while_little_swap_is_free) {
  EXPECT_EQ(left_after_a_look(0, {.swap = 10}), (Left{0, 1, 2})) << "70 % are free";
  EXPECT_EQ(left_after_a_look(0, {.swap = 70}), (Left{0, 2}));
  EXPECT_EQ(left_after_a_look(0, {.swap = 69}), (Left{0, 1, 2}));
}

TEST(EarlyoomTest, One_ends_at_a_time_until_it_is_enough) {
  FakeMachine machine{3};
  Earlyoom control({}, Pages(1000), Pages(1000));
  control.tick(machine, 100ms);
  EXPECT_EQ(machine.not_frozen().size(), 2U);
  control.tick(machine, 150ms);
  EXPECT_EQ(machine.not_frozen().size(), 2U);
  control.tick(machine, 200ms);
  EXPECT_EQ(machine.not_frozen().size(), 1U);
  machine.free = 200;
  control.tick(machine, 300ms);
  EXPECT_EQ(machine.not_frozen().size(), 1U);
}

}  // namespace
}  // namespace brim::thrash::model
