// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/fitting_controls.h"

#include <set>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;

// Consumers of 40 MiB each, all running, in memory for three of them.
class PlayedConsumers final : public ConsumerControls {
 public:
  explicit PlayedConsumers(std::size_t count) : all(count) {
    for (std::size_t i = 0; i < count; ++i) {
      all[i].memory = mebibytes(40);
      all[i].runs = true;
    }
  }
  std::size_t consumers() const override { return all.size(); }
  ConsumerView consumer(std::size_t number) const override { return all.at(number); }
  Bytes memory() const override { return mebibytes(130); }
  const host::LimitedGroup* group() const override { return nullptr; }
  void hold(std::size_t number) override {
    EXPECT_FALSE(all.at(number).held);
    all.at(number).held = true;
    log += "-" + std::to_string(number);
  }
  void let_go_on(std::size_t number) override {
    EXPECT_TRUE(all.at(number).held);
    all.at(number).held = false;
    log += "+" + std::to_string(number);
  }
  std::set<std::size_t> at_work() const {
    std::set<std::size_t> numbers;
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].runs && !all[i].held) numbers.insert(i);
    return numbers;
  }
  std::vector<ConsumerView> all;
  std::string log;
};

const LiveControl::Time kBegin{};
using Numbers = std::set<std::size_t>;

TEST(RoundRobinControl, In_each_slice_as_many_run_as_fit_and_each_gets_its_turn) {
  PlayedConsumers consumers(10);
  RoundRobinControl control(2s);
  EXPECT_EQ(*control.step(consumers, kBegin), kBegin + 2s);
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 1, 2}));
  EXPECT_EQ(*control.step(consumers, kBegin + 2s), kBegin + 4s);
  EXPECT_EQ(consumers.at_work(), (Numbers{3, 4, 5}));
  ASSERT_TRUE(control.step(consumers, kBegin + 4s));
  ASSERT_TRUE(control.step(consumers, kBegin + 6s));
  EXPECT_EQ(consumers.at_work(), (Numbers{9, 0, 1}));
}

TEST(RoundRobinControl, Those_that_must_stop_do_before_others_go_on) {
  PlayedConsumers consumers(6);
  RoundRobinControl control(2s);
  ASSERT_TRUE(control.step(consumers, kBegin));
  EXPECT_EQ(consumers.log, "-3-4-5");
  ASSERT_TRUE(control.step(consumers, kBegin + 2s));
  EXPECT_EQ(consumers.log, "-3-4-5-0-1-2+3+4+5");
}

TEST(RoundRobinControl, Within_a_slice_who_has_ended_makes_room_and_newcomers_wait) {
  PlayedConsumers consumers(4);
  consumers.all[3].runs = false;
  RoundRobinControl control(2s);
  ASSERT_TRUE(control.step(consumers, kBegin));
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 1, 2})) << "all fit";
  consumers.all[3].runs = true;
  EXPECT_EQ(*control.step(consumers, kBegin + 1s), kBegin + 2s) << "the slice goes on";
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 1, 2}));
  consumers.all[1].runs = false;
  ASSERT_TRUE(control.step(consumers, kBegin + 1500ms));
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 2, 3}));
}

TEST(RoundRobinControl, An_interactive_consumer_is_never_held) {
  PlayedConsumers consumers(6);
  consumers.all[5].interactive = true;
  RoundRobinControl control(1s);
  for (int slice = 0; slice < 10; ++slice) {
    ASSERT_TRUE(control.step(consumers, kBegin + 1s * slice));
    EXPECT_TRUE(consumers.at_work().contains(5)) << slice;
    EXPECT_EQ(consumers.at_work().size(), 3U) << slice;
  }
}

TEST(RoundRobinControl, A_number_that_is_asked_for_runs_whatever_fits) {
  PlayedConsumers consumers(5);
  RoundRobinControl control(1s, 4);
  ASSERT_TRUE(control.step(consumers, kBegin));
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 1, 2, 3}));
  ASSERT_TRUE(control.step(consumers, kBegin + 1s));
  EXPECT_EQ(consumers.at_work(), (Numbers{4, 0, 1, 2}));
}

TEST(RoundRobinControl, One_that_is_too_large_runs_alone_and_the_end_lets_all_go_on) {
  PlayedConsumers consumers(3);
  for (ConsumerView& one : consumers.all) one.memory = mebibytes(200);
  RoundRobinControl control(1s);
  ASSERT_TRUE(control.step(consumers, kBegin));
  EXPECT_EQ(consumers.at_work(), Numbers{0});
  ASSERT_TRUE(control.step(consumers, kBegin + 1s));
  EXPECT_EQ(consumers.at_work(), Numbers{1});
  ASSERT_TRUE(control.end(consumers));
  EXPECT_EQ(consumers.at_work(), (Numbers{0, 1, 2}));
}

TEST(SubsetControl, Only_the_first_that_fit_are_started_and_nobody_is_held) {
  PlayedConsumers consumers(10);
  SubsetControl control;
  ASSERT_TRUE(control.begin(consumers));
  for (std::size_t i = 0; i < 10; ++i) EXPECT_EQ(control.admits(i), i < 3) << i;
  EXPECT_GT(*control.step(consumers, kBegin), kBegin);
  EXPECT_EQ(consumers.log, "");
}

TEST(LiveControl, Names_are_found_with_their_parameters_and_errors_say_what_there_is) {
  const auto host = host::Host::open("/");
  ASSERT_TRUE(host);
  const auto none = choose_live_control("none", {}, "mechanism.control");
  ASSERT_TRUE(none);
  EXPECT_EQ(*none->policy.make(*host, none->settings), nullptr);
  const auto chosen = choose_live_control("sigstop-round-robin(slice=500ms)", {}, "here");
  ASSERT_TRUE(chosen) << error_line(chosen.error());
  EXPECT_NE(*chosen->policy.make(*host, chosen->settings), nullptr);
  const auto too_short = choose_live_control("sigstop-round-robin(slice=1ms)", {}, "here");
  ASSERT_TRUE(too_short);
  EXPECT_FALSE(too_short->policy.make(*host, too_short->settings));
  const auto unknown = choose_live_control("subsets", {}, "mechanism.control");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::bad_input);
  EXPECT_THAT(unknown.error().what, HasSubstr("subset"));
}

TEST(LiveControl, Those_of_others_are_found_beside_this_rooms_own) {
  const std::vector<LiveControlPolicy> others{
      {{"brim", "The guard.", {}}, own_live_controls().back().make}};
  const auto chosen = choose_live_control("brim", others, "here");
  ASSERT_TRUE(chosen) << error_line(chosen.error());
  EXPECT_EQ(chosen->policy.family.name, "brim");
  EXPECT_TRUE(choose_live_control("subset", others, "here"));
  EXPECT_FALSE(choose_live_control("brim", {}, "here"));
}

}  // namespace
}  // namespace brim::thrash::live
