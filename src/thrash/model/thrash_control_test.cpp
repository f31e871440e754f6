// SPDX-License-Identifier: Apache-2.0
// What a control can do to the processes of a simulated machine.
#include "thrash/model/test_machines.h"

#include <functional>
#include <string_view>
#include <utility>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::by_name;
using test::MachineRun;
using test::small_machine;
using test::uniform_process;

// Does something once, at a tick.
class Once final : public ThrashControl {
 public:
  Once(ModelTime at, std::function<void(MachineControls&)> act) : at_(at), act_(std::move(act)) {}
  void tick(MachineControls& machine, ModelTime now) override {
    ++ticks;
    if (now < at_) return;
    at_ = kNever;
    act_(machine);
  }
  void fault(MachineControls& /*machine*/, ThreadNumber process, Fault fault,
             ModelTime /*now*/) override {
    faults += fault == Fault::major ? 1 : 0;
    last_process = process;
  }

  int ticks = 0;
  std::uint64_t faults = 0;
  ThreadNumber last_process = kNoThread;

 private:
  ModelTime at_;
  std::function<void(MachineControls&)> act_;
};

// Two processes, each of which fits and both of which don't.
MachinePlan two_that_do_not_fit() {
  MachinePlan plan = small_machine(1000, test::disk());
  plan.memory.replacement = by_name("random");
  for (int i = 0; i < 2; ++i) plan.processes.push_back(uniform_process(700, 500, 5ms));
  return plan;
}

void expect_sound_at_each_event(MachineRun& run) {
  run.machine.after_each_event([&run] { ASSERT_EQ(run.machine.memory().inconsistency(), ""); });
}

TEST(ThrashControlTest, Is_told_of_each_tick_and_fault) {
  Once control(kNever, [](MachineControls&) {});
  MachineRun run(two_that_do_not_fit(), &control);
  run.until(5s);
  EXPECT_EQ(control.ticks, 500);
  EXPECT_EQ(control.faults, run.major_faults());
  EXPECT_LT(control.last_process, 2U);
}

TEST(ThrashControlTest, Freezing_one_lets_the_other_run_and_thawing_it_brings_it_back) {
  Once control(20s, [](MachineControls& machine) { machine.freeze(0); });
  MachineRun run(two_that_do_not_fit(), &control);
  run.until(20s);
  const std::uint64_t first = run.machine.completed(0);
  const std::uint64_t second = run.machine.completed(1);
  run.until(30s);
  EXPECT_LE(run.machine.completed(0), first + 1) << "the page that it waited for";
  EXPECT_EQ(run.samples.back().frozen, 1U);
  EXPECT_GT(run.machine.completed(1) - second, 20 * second);
  const std::uint64_t frozen = run.machine.completed(0);
  run.machine.controls().thaw(0);
  run.until(40s);
  EXPECT_GT(run.machine.completed(0), frozen + 100);
}

TEST(ThrashControlTest, A_process_frozen_while_it_runs_or_sleeps_makes_no_access) {
  MachinePlan plan = small_machine(1000, test::disk());
  plan.processes.push_back(uniform_process(100, 1'000'000'000, 0ms));
  plan.processes.push_back(uniform_process(100, 100, 20ms));
  MachineRun run(plan);
  run.until(1005ms);
  run.machine.controls().freeze(0);
  run.machine.controls().freeze(1);
  const std::uint64_t first = run.machine.completed(0);
  const std::uint64_t second = run.machine.completed(1);
  EXPECT_GT(first, 1'000'000U);
  run.until(3s);
  EXPECT_EQ(run.machine.completed(0), first);
  EXPECT_EQ(run.machine.completed(1), second);
  EXPECT_NEAR(run.samples.back().idle_percent, 100, 0.1);
  run.machine.controls().thaw(0);
  run.machine.controls().thaw(1);
  run.until(4s);
  EXPECT_GT(run.machine.completed(0), first + 1'000'000);
  EXPECT_GT(run.machine.completed(1), second + 1000);
}

TEST(ThrashControlTest, Pages_of_an_exempt_process_are_passed_over) {
  for (const char* policy : {"clock", "fifo", "lru", "random"}) {
    MachinePlan plan = two_that_do_not_fit();
    plan.memory.replacement = by_name(policy);
    MachineRun run(plan);
    run.machine.controls().exempt(1, true);
    run.until(3s);
    EXPECT_EQ(run.machine.memory().inconsistency(), "") << policy;
    EXPECT_EQ(run.machine.controls().process(1).major_faults, 0U) << policy;
    EXPECT_EQ(run.machine.memory().held(1), 700U) << policy;
    EXPECT_GT(run.machine.controls().process(0).major_faults, 50U) << policy;
    // What goes by references protects those who run as well.
    if (policy == std::string_view("clock") || policy == std::string_view("lru")) continue;
    run.machine.controls().exempt(1, false);
    run.until(5s);
    EXPECT_LT(run.machine.memory().held(1), 700U) << policy;
  }
}

TEST(ThrashControlTest, Exempt_pages_leave_where_nothing_else_can) {
  MachinePlan plan = small_machine(1000, test::disk());
  plan.processes.push_back(uniform_process(1200, 500, 5ms));
  MachineRun run(plan);
  run.machine.controls().exempt(0, true);
  run.until(5s);
  EXPECT_EQ(run.machine.ended(0).ending, Ending::none);
  EXPECT_GT(run.major_faults(), 100U);
}

// 700 pages leave in runs of 32, in far less time than 700 single writes or reads would take.
TEST(ThrashControlTest, All_pages_of_a_process_go_and_come_back_in_bulk) {
  Once control(1s, [](MachineControls& machine) {
    machine.freeze(0);
    machine.order_out(0);
  });
  MachinePlan plan = small_machine(1000, test::disk());
  plan.processes.push_back(uniform_process(700, 500, 5ms));
  MachineRun run(plan, &control);
  expect_sound_at_each_event(run);
  run.until(1500ms);
  EXPECT_EQ(run.machine.memory().held(0), 0U);
  EXPECT_EQ(run.machine.memory().swapped(0), 700U);
  run.machine.controls().order_in(0);
  run.until(2s);
  EXPECT_EQ(run.machine.memory().held(0), 700U);
  const std::uint64_t faults = run.machine.memory().counts().minor_faults;
  run.machine.controls().thaw(0);
  run.until(3s);
  EXPECT_EQ(run.major_faults(), 0U);
  EXPECT_EQ(run.machine.memory().counts().minor_faults, faults + 700) << "each is mapped once";
  EXPECT_EQ(run.machine.memory().counts().pages_out, 700U);
}

TEST(ThrashControlTest, What_is_ordered_in_waits_for_frames_and_takes_no_others) {
  MachineRun run(two_that_do_not_fit());
  expect_sound_at_each_event(run);
  run.until(3s);
  run.machine.controls().freeze(0);
  run.machine.controls().freeze(1);
  run.until(4s);
  const std::size_t held = run.machine.memory().held(0);
  EXPECT_GT(held, 100U);
  run.machine.controls().order_in(1);
  run.until(5s);
  EXPECT_EQ(run.machine.memory().held(0), held);
  EXPECT_GT(run.machine.memory().swapped(1), 0U);
  run.machine.controls().order_out(0);
  run.until(6s);
  EXPECT_EQ(run.machine.memory().held(0), 0U);
  EXPECT_EQ(run.machine.memory().swapped(1), 0U);
}

TEST(ThrashControlTest, A_killed_process_gives_back_frames_and_slots) {
  Once control(3s, [](MachineControls& machine) { machine.kill(0); });
  MachineRun run(two_that_do_not_fit(), &control);
  expect_sound_at_each_event(run);
  run.until(4s);
  EXPECT_EQ(run.machine.ended(0).ending, Ending::killed);
  EXPECT_EQ(run.machine.memory().held(0), 0U);
  EXPECT_EQ(run.machine.memory().swapped(0), 0U);
  run.machine.after_each_event(nullptr);
  run.until(20s);
  EXPECT_EQ(run.machine.memory().held(1), 700U);
}

}  // namespace
}  // namespace brim::thrash::model
