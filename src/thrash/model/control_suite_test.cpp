// SPDX-License-Identifier: Apache-2.0
// What holds of every control, with its defaults, on the simulated machine.
#include "thrash/model/test_machines.h"
#include "thrash/model/thrash_controls.h"

#include <string>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::completed_by_all;
using test::disk;
using test::MachineRun;
using test::small_machine;
using test::uniform_process;

// Hands on, and looks at what is left running.
class Watched final : public ThrashControl {
 public:
  explicit Watched(std::unique_ptr<ThrashControl> control) : control_(std::move(control)) {}

  void tick(MachineControls& machine, ModelTime now) override {
    if (control_ != nullptr) control_->tick(machine, now);
    bool any = false;
    bool any_active = false;
    for (ThreadNumber number = 0; number < machine.processes(); ++number) {
      const ProcessView process = machine.process(number);
      any = any || process.runs;
      any_active = any_active || (process.runs && !process.frozen);
      froze = froze || process.frozen;
    }
    nobody_ran = nobody_ran || (any && !any_active);
  }
  void fault(MachineControls& machine, ThreadNumber process, Fault fault, ModelTime now) override {
    if (control_ != nullptr) control_->fault(machine, process, fault, now);
  }

  bool nobody_ran = false;
  bool froze = false;

 private:
  std::unique_ptr<ThrashControl> control_;
};

std::unique_ptr<ThrashControl> make(const ChosenControl& chosen, const MachinePlan& plan) {
  ControlledMachine machine;
  machine.frames = plan.memory.frames;
  machine.processors = plan.processors;
  for (const ProcessPlan& process : plan.processes)
    machine.asked.emplace_back(burst_of(process.pattern).pages);
  machine.interactive.assign(plan.processes.size(), false);
  if (!machine.interactive.empty()) machine.interactive.back() = true;
  return chosen.policy->make(machine, chosen.settings);
}

class ControlSuite : public testing::TestWithParam<std::string> {
 protected:
  [[nodiscard]] std::unique_ptr<ThrashControl> control_for(const MachinePlan& plan) const {
    auto chosen = choose_control(GetParam(), "test");
    EXPECT_TRUE(chosen.has_value());
    return make(*chosen, plan);
  }
  [[nodiscard]] static bool kills() { return GetParam() == "earlyoom" || GetParam() == "nohang"; }
  // What a process that ran until its time is up may have come to.
  [[nodiscard]] static bool ends_well(Ending ending) {
    return ending == Ending::ended || (kills() && ending == Ending::killed);
  }
};

// Five that come one after another, twice as much as fits.
MachinePlan crowd() {
  MachinePlan plan = small_machine(4000, disk());
  for (int i = 0; i < 5; ++i) {
    ProcessPlan process = uniform_process(1600, 500, 20ms);
    process.start = i * 2s;
    process.run_for = 40s;
    plan.processes.push_back(process);
  }
  return plan;
}

// The last of them does not end with the others, and fits without them. It is smaller, so that who
// kills the largest leaves it.
MachinePlan crowd_that_leaves() {
  MachinePlan plan = crowd();
  for (ProcessPlan& process : plan.processes) process.run_for = 20s;
  plan.processes.back() = uniform_process(800, 500, 20ms);
  plan.processes.back().start = 8s;
  return plan;
}

TEST_P(ControlSuite, Someone_runs_and_memory_is_sound_at_each_event) {
  const MachinePlan plan = crowd();
  Watched control(control_for(plan));
  MachineRun run(plan, &control);
  std::uint64_t events = 0;
  run.machine.after_each_event([&] {
    if (++events % 64 != 0) return;
    ASSERT_EQ(run.machine.memory().inconsistency(), "");
  });
  run.until(60s);
  EXPECT_FALSE(control.nobody_ran);
}

TEST_P(ControlSuite, Every_process_ends_by_itself_or_by_a_control_that_kills) {
  const MachinePlan plan = crowd();
  Watched control(control_for(plan));
  MachineRun run(plan, &control);
  run.until(600s);
  bool by_itself = false;
  for (ThreadNumber number = 0; number < plan.processes.size(); ++number) {
    const Ending ending = run.machine.ended(number).ending;
    by_itself = by_itself || ending == Ending::ended;
    EXPECT_TRUE(ends_well(ending)) << number;
    EXPECT_GT(run.machine.completed(number), 500U) << number;
  }
  EXPECT_TRUE(by_itself) << "not all were killed";
  EXPECT_EQ(run.samples.back().frozen, 0U);
}

TEST_P(ControlSuite, All_thaw_when_the_cause_is_gone) {
  const MachinePlan plan = crowd_that_leaves();
  Watched control(control_for(plan));
  MachineRun run(plan, &control);
  run.until(400s);
  for (ThreadNumber number = 0; number + 1 < plan.processes.size(); ++number)
    EXPECT_TRUE(ends_well(run.machine.ended(number).ending)) << number;
  const std::uint64_t faults = run.major_faults();
  const std::uint64_t completed = completed_by_all(run.machine);
  run.until(410s);
  EXPECT_EQ(run.samples.back().frozen, 0U);
  EXPECT_EQ(run.major_faults(), faults);
  // 500 accesses and 20 ms each take a little over 20 ms.
  EXPECT_GT(completed_by_all(run.machine) - completed, 200'000U);
}

TEST_P(ControlSuite, Nothing_is_done_where_all_fits) {
  MachinePlan plan = small_machine(1000, disk());
  for (int i = 0; i < 4; ++i) plan.processes.push_back(uniform_process(200, 500, 20ms));
  plan.processes.push_back(uniform_process(50, 100, 30s));  // is idle for long
  Watched control(control_for(plan));
  MachineRun controlled(plan, &control);
  controlled.until(100s);
  MachineRun free(plan);
  free.until(100s);
  EXPECT_FALSE(control.froze);
  EXPECT_EQ(controlled.major_faults(), 0U);
  EXPECT_EQ(controlled.machine.memory().counts().pages_out, 0U);
  EXPECT_EQ(completed_by_all(controlled.machine), completed_by_all(free.machine));
}

TEST_P(ControlSuite, The_same_seed_gives_the_same_run) {
  const MachinePlan plan = crowd();
  const auto told = [&](std::uint64_t seed) {
    Watched control(control_for(plan));
    MachineRun run(plan, &control, seed);
    run.until(40s);
    std::vector<std::uint64_t> all;
    for (const MachineSample& sample : run.samples) {
      all.insert(all.end(), {sample.pages_in, sample.pages_out, sample.major_faults,
                             sample.minor_faults, sample.frozen});
      for (const ProcessSample& process : sample.processes) all.push_back(process.completed);
    }
    return all;
  };
  const auto once = told(7);
  EXPECT_EQ(once, told(7));
  EXPECT_NE(once, told(8));
}

std::vector<std::string> all_names() {
  std::vector<std::string> names;
  // A subset lets some never run, and brim's guard is made elsewhere, and tested there.
  for (const ControlPolicy& control : thrash_controls())
    if (control.family.name != "subset" && control.make != nullptr)
      names.emplace_back(control.family.name);
  names.insert(names.end(), {"medium-term-scheduler(bulk=true)", "sigstop-round-robin(bulk=true)",
                             "swap-token(rule=priority)"});
  return names;
}
INSTANTIATE_TEST_SUITE_P(All, ControlSuite, testing::ValuesIn(all_names()), [](const auto& name) {
  std::string word = name.param;
  for (char& letter : word)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  return word;
});

// Each of the table does something to a crowd, or it is none.
TEST(ControlTableTest, All_but_none_change_what_a_crowd_does) {
  const MachinePlan plan = crowd();
  MachineRun alone(plan);
  alone.until(60s);
  for (const ControlPolicy& policy : thrash_controls()) {
    if (policy.make == nullptr) continue;  // brim's guard
    const std::unique_ptr<ThrashControl> control =
        make({&policy, study::Settings(policy.family.parameters), ""}, plan);
    MachineRun run(plan, control.get());
    run.until(60s);
    const bool same = run.major_faults() == alone.major_faults() &&
                      completed_by_all(run.machine) == completed_by_all(alone.machine);
    EXPECT_EQ(same, policy.family.name == "none") << policy.family.name;
  }
}

TEST(ControlTableTest, Parameters_are_checked_and_names_that_are_near_are_told) {
  const auto token = choose_control("swap-token(timeout=2s)", "mechanism.control");
  ASSERT_TRUE(token.has_value());
  EXPECT_EQ(token->settings.get<std::chrono::nanoseconds>("timeout"), 2s);
  EXPECT_EQ(token->words, "swap-token(timeout=2s)");
  const auto wrong = choose_control("swap-tokn", "mechanism.control");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_NE(error_line(wrong.error()).find("swap-token"), std::string::npos);
  EXPECT_FALSE(choose_control("tpf(cpu_low=2)", "mechanism.control").has_value());
}

}  // namespace
}  // namespace brim::thrash::model
