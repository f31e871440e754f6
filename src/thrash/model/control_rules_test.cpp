// SPDX-License-Identifier: Apache-2.0
// The rules of controls that spare or suspend single processes, one example each.
#include "thrash/model/control_freebsd_suspension.h"
#include "thrash/model/control_multiprogramming_level.h"
#include "thrash/model/control_solaris_swapping.h"
#include "thrash/model/control_swap_token.h"
#include "thrash/model/control_tpf.h"
#include "thrash/model/test_controls.h"

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;

TEST(SwapTokenTest, Goes_to_the_first_that_waits_for_the_device) {
  FakeMachine machine(3);
  SwapToken token({});
  token.fault(machine, 1, Fault::minor, 1s);
  EXPECT_EQ(machine.done(), "");
  token.fault(machine, 2, Fault::major, 1s);
  EXPECT_EQ(machine.done(), "spare 2");
  EXPECT_EQ(token.holder(), 2U);
}

TEST(SwapTokenTest, Changes_hands_at_most_each_two_seconds_if_the_holder_had_no_fault) {
  FakeMachine machine(3);
  SwapToken token({});
  token.fault(machine, 0, Fault::major, 1s);
  (void)machine.done();
  token.fault(machine, 1, Fault::major, 3s);
  EXPECT_EQ(machine.done(), "") << "2 s are not over";
  token.fault(machine, 1, Fault::major, 3s + 1ns);
  EXPECT_EQ(machine.done(), "spare no more 0, spare 1");
}

TEST(SwapTokenTest, A_holder_that_faults_keeps_it_and_must_fault_again) {
  FakeMachine machine(2);
  SwapToken token({});
  token.fault(machine, 0, Fault::major, 1s);
  token.fault(machine, 0, Fault::major, 2s);
  token.fault(machine, 1, Fault::major, 4s);
  EXPECT_EQ(token.holder(), 0U);
  token.fault(machine, 1, Fault::major, 5s);
  EXPECT_EQ(token.holder(), 0U) << "somebody was considered a second before";
  token.fault(machine, 1, Fault::major, 6s + 1ns);
  EXPECT_EQ(token.holder(), 1U) << "no fault of the holder since 4 s";
}

TEST(SwapTokenTest, One_that_had_it_for_its_full_time_waits_as_long_to_have_it_again) {
  FakeMachine machine(2);
  SwapToken token({.timeout = 10s});
  token.fault(machine, 0, Fault::major, 1s);
  token.fault(machine, 0, Fault::major, 10s);
  token.fault(machine, 1, Fault::major, 11s);
  EXPECT_EQ(token.holder(), 0U) << "10 s are not over";
  token.fault(machine, 0, Fault::major, 12s);
  token.fault(machine, 1, Fault::major, 14s);
  EXPECT_EQ(token.holder(), 1U);
  token.fault(machine, 0, Fault::major, 24s - 1ns);
  EXPECT_EQ(token.holder(), 1U);
  token.fault(machine, 0, Fault::major, 24s);
  EXPECT_EQ(token.holder(), 0U);
}

TEST(SwapTokenTest, One_that_gave_it_up_early_can_have_it_at_once) {
  FakeMachine machine(2);
  SwapToken token({});
  token.fault(machine, 0, Fault::major, 1s);
  token.fault(machine, 1, Fault::major, 4s);
  EXPECT_EQ(token.holder(), 1U);
  token.fault(machine, 0, Fault::major, 7s);
  EXPECT_EQ(token.holder(), 0U);
}

TEST(SwapTokenTest, An_ended_holder_leaves_it_and_a_timeout_of_none_means_no_token) {
  FakeMachine machine(2);
  SwapToken token({});
  token.fault(machine, 0, Fault::major, 1s);
  machine.kill(0);
  (void)machine.done();
  token.tick(machine, 1100ms);
  EXPECT_EQ(machine.done(), "spare no more 0");
  token.fault(machine, 1, Fault::major, 1101ms);
  EXPECT_EQ(token.holder(), 1U);
  SwapToken none({.timeout = 0s});
  none.fault(machine, 1, Fault::major, 5s);
  EXPECT_EQ(none.holder(), kNoThread);
}

// Faults are numbered; 0 holds the token from the first on, with a priority of 2.
TEST(SwapTokenTest, By_priority_it_goes_to_one_whose_faults_come_ever_closer) {
  FakeMachine machine(3);
  SwapToken token({.rule = SwapTokenRule::priority});
  const auto faults = [&](ThreadNumber process, int times) {
    for (; times > 0; --times) token.fault(machine, process, Fault::major, 1s);
  };
  faults(0, 1);
  EXPECT_EQ(token.holder(), 0U);
  faults(2, 5);  // as far apart each time: no priority
  faults(1, 1);  // 7 since the start: more than 0 before
  faults(2, 3);
  faults(1, 1);  // 4: 1
  faults(2, 2);
  faults(1, 1);  // 3: 2, as the holder has
  EXPECT_EQ(token.holder(), 0U);
  faults(2, 1);
  faults(1, 1);  // 2: 3
  EXPECT_EQ(token.holder(), 1U);
}

// Two of three processes that fault 21 times a second, on idle processors.
class TpfTest : public testing::Test {
 protected:
  void second(std::uint64_t first, std::uint64_t others, double cpu_use) {
    now_ += 1s;
    machine_.views[0].major_faults += first;
    machine_.views[1].major_faults += others;
    const ModelTime busy(static_cast<std::int64_t>(1e9 * cpu_use));
    machine_.times.user += busy;
    machine_.times.waiting += 1s - busy;
    tpf_.tick(machine_, now_);
  }
  FakeMachine machine_{3};
  Tpf tpf_{{}};
  ModelTime now_{0};
};

TEST_F(TpfTest, Protects_the_one_that_faults_most_once_two_looks_saw_thrashing) {
  second(21, 22, 0.3);
  EXPECT_EQ(tpf_.state(), Tpf::State::monitoring);
  EXPECT_EQ(machine_.done(), "");
  second(21, 22, 0.3);
  EXPECT_EQ(tpf_.state(), Tpf::State::protection);
  EXPECT_EQ(machine_.done(), "spare 1");
}

TEST_F(TpfTest, Bounds_are_a_fault_or_a_percent_wide) {
  second(20, 21, 0.3);
  EXPECT_EQ(tpf_.state(), Tpf::State::normal) << "only one faults more than 20 times";
  second(21, 21, 0.4);
  EXPECT_EQ(tpf_.state(), Tpf::State::normal) << "processors are not used too little";
  second(21, 21, 0.39);
  EXPECT_EQ(tpf_.state(), Tpf::State::monitoring);
  second(20, 21, 0.39);
  EXPECT_EQ(tpf_.state(), Tpf::State::normal);
}

TEST_F(TpfTest, Protection_ends_by_few_faults_a_busy_processor_or_an_end) {
  const auto protect = [&] {
    while (tpf_.state() != Tpf::State::protection) second(30, 40, 0.1);
    (void)machine_.done();
  };
  protect();
  second(30, 10, 0.8);
  EXPECT_EQ(tpf_.state(), Tpf::State::protection);
  second(30, 9, 0.8);
  EXPECT_EQ(machine_.done(), "spare no more 1");
  EXPECT_EQ(tpf_.state(), Tpf::State::monitoring);
  protect();
  second(30, 40, 0.81);
  EXPECT_EQ(machine_.done(), "spare no more 1");
  protect();
  machine_.kill(1);
  second(30, 40, 0.1);
  EXPECT_EQ(machine_.done(), "spare no more 1");
}

class FreeBsdTest : public testing::Test {
 protected:
  // A look, after 5 s in which free memory was so low at some time.
  void look(std::size_t least_free, std::uint64_t faults) {
    machine_.free = least_free;
    control_.tick(machine_, now_ + 10ms);
    machine_.free = 100;
    machine_.counts.major_faults += faults;
    now_ += 5s;
    control_.tick(machine_, now_);
  }
  FakeMachine machine_{3};
  FreeBsdSuspension control_{{}};
  ModelTime now_{0};
};

TEST_F(FreeBsdTest, Suspends_the_last_that_ran_where_memory_is_short_and_requests_are_many) {
  machine_.views[1].ran_at = 3s;
  look(20, 1000);
  EXPECT_EQ(machine_.done(), "") << "20 frames are the low watermark";
  look(19, 150);
  EXPECT_EQ(machine_.done(), "") << "30 a second are the bound";
  look(19, 151);
  EXPECT_EQ(machine_.done(), "freeze 1, out 1");
}

TEST_F(FreeBsdTest, More_follow_while_it_goes_on_and_each_is_back_after_20_s) {
  machine_.views[1].ran_at = 3s;
  look(0, 1000);
  const ModelTime first = now_;
  look(0, 1000);
  EXPECT_EQ(machine_.not_frozen().size(), 1U);
  look(0, 1000);
  EXPECT_EQ(machine_.not_frozen().size(), 1U) << "one is left";
  (void)machine_.done();
  control_.tick(machine_, first + 20s - 1ns);
  EXPECT_EQ(machine_.done(), "");
  control_.tick(machine_, first + 20s);
  EXPECT_EQ(machine_.done(), "thaw 1");
}

class SolarisTest : public testing::Test {
 protected:
  void second(std::uint64_t pages) {
    now_ += 1s;
    machine_.counts.pages_in += pages;
    for (ProcessView& view : machine_.views)
      if (view.runnable) view.ran_at = now_;
    control_.tick(machine_, now_);
  }
  FakeMachine machine_{3};
  SolarisSwapping control_{{}};
  ModelTime now_{0};
};

TEST_F(SolarisTest, Idle_processes_go_first_the_longest_idle_before_others) {
  machine_.views[0].runnable = machine_.views[2].runnable = false;
  machine_.views[0].ran_at = 2s;
  machine_.views[2].ran_at = 1s;
  for (int i = 0; i < 20; ++i) second(0);
  EXPECT_EQ(machine_.done(), "");
  second(0);
  EXPECT_EQ(machine_.done(), "out 2") << "idle for 20 s, and not stopped";
  machine_.views[2].frames = 0;
  second(0);
  EXPECT_EQ(machine_.done(), "out 0");
}

TEST_F(SolarisTest, One_that_waits_for_a_page_is_not_idle) {
  machine_.views[0].runnable = false;
  machine_.views[0].blocked = true;
  for (int i = 0; i < 30; ++i) second(0);
  EXPECT_EQ(machine_.done(), "");
}

TEST_F(SolarisTest, Whole_processes_go_where_several_run_and_paging_is_above_its_bound) {
  second(40);
  EXPECT_EQ(machine_.done(), "");
  second(41);
  EXPECT_EQ(machine_.done(), "freeze 0, out 0");
  second(41);
  EXPECT_EQ(machine_.done(), "freeze 1, out 1");
  second(41);
  EXPECT_EQ(machine_.done(), "") << "one is left";
}

TEST_F(SolarisTest, Nothing_goes_while_free_memory_is_at_the_high_watermark_on_average) {
  machine_.free = 40;
  for (int i = 0; i < 5; ++i) second(1000);
  EXPECT_EQ(machine_.done(), "");
  machine_.free = 39;
  second(1000);
  EXPECT_EQ(machine_.done(), "freeze 0, out 0");
}

TEST_F(SolarisTest, Who_is_out_comes_back_when_there_is_room_or_after_60_s) {
  second(41);
  ASSERT_EQ(machine_.done(), "freeze 0, out 0");
  machine_.views[0].frames = 0;
  machine_.views[0].swapped = 100;
  machine_.free = 139;
  second(0);
  EXPECT_EQ(machine_.done(), "");
  machine_.free = 140;
  second(0);
  EXPECT_EQ(machine_.done(), "thaw 0");
  machine_.free = 0;
  while (machine_.done().empty()) second(41);
  const ThreadNumber out = machine_.views[0].frozen ? 0 : machine_.views[1].frozen ? 1 : 2;
  EXPECT_EQ(out, 1U) << "1 and 2 are in memory for longer than 0";
  for (int i = 1; i < 60; ++i) second(0);
  EXPECT_EQ(machine_.done(), "");
  second(0);
  EXPECT_EQ(machine_.done(), fmt::format("thaw {}", out));
}

class MultiprogrammingTest : public testing::Test {
 protected:
  void second(ModelTime user, ModelTime device) {
    now_ += 1s;
    machine_.times.user += user;
    machine_.times.waiting += 1s - user;
    machine_.device += device;
    control_.tick(machine_, now_);
  }
  FakeMachine machine_{3};
  MultiprogrammingLevel control_{{}};
  ModelTime now_{0};
};

TEST_F(MultiprogrammingTest, Suspends_the_last_to_become_active_while_work_takes_less_than_paging) {
  second(500ms, 500ms);
  EXPECT_EQ(machine_.done(), "") << "L = S";
  second(99ms, 100ms);
  EXPECT_EQ(machine_.done(), "") << "paging takes a tenth of the time";
  second(499ms, 500ms);
  EXPECT_EQ(machine_.done(), "freeze 2, out 2");
}

TEST_F(MultiprogrammingTest, A_change_has_five_seconds_and_one_is_left) {
  second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "freeze 2, out 2");
  for (int i = 1; i < 5; ++i) second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "");
  second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "freeze 1, out 1");
  for (int i = 0; i < 10; ++i) second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "");
}

TEST_F(MultiprogrammingTest, Who_was_first_comes_back_first_by_room_or_by_patience) {
  for (int i = 0; i < 6; ++i) second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "freeze 2, out 2, freeze 1, out 1");
  machine_.free = 139;
  for (int i = 1; i < 30; ++i) second(1s, 0s);
  EXPECT_EQ(machine_.done(), "");
  second(1s, 0s);
  EXPECT_EQ(machine_.done(), "in 2, thaw 2") << "30 s without too much paging";
  machine_.free = 140;
  for (int i = 1; i < 5; ++i) second(1s, 0s);
  EXPECT_EQ(machine_.done(), "");
  second(1s, 0s);
  EXPECT_EQ(machine_.done(), "in 1, thaw 1") << "there is room";
}

TEST_F(MultiprogrammingTest, Who_is_left_alone_by_ends_is_joined_at_once) {
  for (int i = 0; i < 6; ++i) second(0ms, 1s);
  (void)machine_.done();
  machine_.kill(0);
  second(0ms, 1s);
  EXPECT_EQ(machine_.done(), "in 2, thaw 2");
}

TEST_F(MultiprogrammingTest, Processor_time_of_the_system_is_paging_too) {
  machine_.times.system += 600ms;
  second(300ms, 0s);
  EXPECT_EQ(machine_.done(), "freeze 2, out 2") << "compressed memory has no device";
}

}  // namespace
}  // namespace brim::thrash::model
