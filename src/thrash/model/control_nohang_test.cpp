// SPDX-License-Identifier: Apache-2.0
// nohang's rule of memory pressure, at its bounds.
#include "thrash/model/control_nohang.h"

#include "thrash/model/test_controls.h"

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;

// Three processes on 1,000 frames, of which 40 are kept free: from 90 on more than 5 % are
// available. Pressure is read each two seconds; 56 % of these make 10.1 % of it at first, 55 % make
// 9.96.
class NohangRules {
 public:
  explicit NohangRules(const NohangKnobs& knobs) : control_(knobs, Pages(1000), 1) {}

  // Until then all goes on with so much time lost.
  void until(ModelTime time, int lost_percent) {
    while (now_ < time) {
      constexpr ModelTime kTick = 10ms;
      now_ += kTick;
      machine.times.waiting += kTick * lost_percent / 100;
      machine.times.user += kTick * (100 - lost_percent) / 100;
      control_.tick(machine, now_);
    }
  }
  [[nodiscard]] std::size_t left() const { return machine.not_frozen().size(); }

  FakeMachine machine{3};

 private:
  Nohang control_;
  ModelTime now_{0};
};

constexpr NohangKnobs kAtOnce{.pause = 0s};

TEST(NohangTest, Ends_the_largest_once_pressure_has_been_high_for_its_time) {
  NohangRules rules(kAtOnce);
  rules.machine.views[1].swapped = 1;
  rules.until(3990ms, 56);
  EXPECT_EQ(rules.left(), 3U) << "high since 2 s";
  rules.until(4s, 56);
  EXPECT_EQ(rules.machine.not_frozen(), (std::vector<ThreadNumber>{0, 2}));
}

TEST(NohangTest, Of_several_that_are_as_large_the_first_ends) {
  NohangRules rules(kAtOnce);
  rules.until(4s, 56);
  EXPECT_EQ(rules.machine.not_frozen(), (std::vector<ThreadNumber>{1, 2}));
}

TEST(NohangTest, Pressure_just_below_its_bound_is_not_counted) {
  NohangRules rules(kAtOnce);
  rules.until(2s, 55);
  rules.until(5990ms, 56);
  EXPECT_EQ(rules.left(), 3U) << "high since 4 s";
  rules.until(6s, 56);
  EXPECT_EQ(rules.left(), 2U);
}

TEST(NohangTest, Time_begins_anew_once_pressure_was_below) {
  NohangRules rules({.excess = 3s, .pause = 0s});
  rules.until(2s, 56);
  rules.until(4s, 0);  // 8.3 %
  rules.until(8990ms, 56);
  EXPECT_EQ(rules.left(), 3U) << "high since 6 s";
  rules.until(9s, 56);
  EXPECT_EQ(rules.left(), 2U);
}

TEST(NohangTest, Acts_after_its_pause_and_after_each_with_no_new_excess) {
  NohangRules rules({.pause = 5s});
  rules.until(4990ms, 100);
  EXPECT_EQ(rules.left(), 3U) << "high for 2 s since 4 s, but the program runs for less than 5 s";
  rules.until(5s, 100);
  EXPECT_EQ(rules.left(), 2U);
  rules.until(9990ms, 100);
  EXPECT_EQ(rules.left(), 2U);
  rules.until(10s, 100);
  EXPECT_EQ(rules.left(), 1U);
  rules.until(15s, 100);
  EXPECT_EQ(rules.left(), 0U) << "the last one as well";
  rules.until(30s, 100);
}

TEST(NohangTest, With_its_own_defaults_half_a_minute_is_over_before_it_acts) {
  NohangRules rules({.soft = 40, .hard = 90, .excess = 30s, .pause = 15s});
  rules.until(35990ms, 100);
  EXPECT_EQ(rules.left(), 3U) << "40 % since 6 s";
  rules.until(36s, 100);
  EXPECT_EQ(rules.left(), 2U);
}

TEST(NohangTest, Nobody_ends_while_more_than_a_twentieth_of_memory_is_available) {
  NohangRules rules(kAtOnce);
  rules.machine.free = 91;
  rules.until(10s, 100);
  EXPECT_EQ(rules.left(), 3U);
  rules.machine.free = 90;
  rules.until(12s, 100);
  EXPECT_EQ(rules.left(), 3U) << "high since 10.1 s";
  rules.until(12100ms, 100);
  EXPECT_EQ(rules.left(), 2U);
}

TEST(NohangTest, While_a_fifth_is_available_what_was_counted_stays_and_that_time_counts) {
  for (const std::size_t free : {240U, 241U}) {
    NohangRules rules(kAtOnce);
    rules.until(2500ms, 56);
    rules.machine.free = free;
    rules.until(3900ms, 56);
    rules.machine.free = 0;
    rules.until(4s, 56);
    EXPECT_EQ(rules.left(), free == 240 ? 3U : 2U) << free;
  }
}

// Beyond its soft bound, which is never reached here, and with less memory available.
TEST(NohangTest, The_hard_bound_acts_by_itself_with_a_fiftieth_of_memory_available) {
  for (const std::size_t free : {60U, 61U}) {
    NohangRules rules({.soft = 100, .hard = 10, .pause = 0s});
    rules.machine.free = free;
    rules.until(3990ms, 56);
    EXPECT_EQ(rules.left(), 3U);
    rules.until(4s, 56);
    EXPECT_EQ(rules.left(), free == 60 ? 2U : 3U) << free;
  }
}

TEST(NohangTest, With_nobody_left_it_waits_for_the_next_without_having_acted) {
  NohangRules rules({.pause = 5s});
  for (ThreadNumber number = 0; number < 3; ++number) rules.machine.kill(number);
  rules.until(7s, 100);
  rules.machine.views[2].runs = true;
  rules.until(7100ms, 100);
  EXPECT_EQ(rules.left(), 0U) << "no pause began at 5 s";
}

}  // namespace
}  // namespace brim::thrash::model
