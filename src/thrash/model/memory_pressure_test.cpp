// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/memory_pressure.h"

#include "thrash/model/test_controls.h"
#include "thrash/model/test_machines.h"

#include <cmath>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::FakeMachine;
using test::MachineRun;

class FullPressureTest : public testing::Test {
 protected:
  // Two seconds, of one processor.
  void window(ModelTime lost) {
    machine_.times.waiting += lost;
    machine_.times.user += 2s - lost;
    pressure_.update(machine_, now_ += 2s);
  }
  FakeMachine machine_{1};
  FullPressure pressure_{1};
  ModelTime now_{0};
};

TEST_F(FullPressureTest, Comes_close_to_what_it_is_with_ten_seconds_and_goes_as_slowly) {
  for (int i = 1; i <= 10; ++i) {
    window(2s);
    EXPECT_NEAR(pressure_.percent(), 100 * (1 - std::exp(-0.2 * i)), 0.1) << i;
  }
  const double highest = pressure_.percent();
  for (int i = 1; i <= 10; ++i) {
    window(0s);
    EXPECT_NEAR(pressure_.percent(), highest * std::exp(-0.2 * i), 0.1) << i;
  }
}

TEST_F(FullPressureTest, Reaches_what_it_comes_close_to) {
  for (int i = 0; i < 100; ++i) window(2s);
  EXPECT_EQ(pressure_.percent(), 100);
  for (int i = 0; i < 100; ++i) window(0s);
  EXPECT_EQ(pressure_.percent(), 0);
}

TEST_F(FullPressureTest, Changes_each_two_seconds_by_whole_percents_of_them) {
  machine_.times.waiting += 1s;
  pressure_.update(machine_, 2s - 10ms);
  EXPECT_EQ(pressure_.percent(), 0);
  pressure_.update(machine_, 2s);
  const double once = pressure_.percent();
  EXPECT_NEAR(once, 9.06, 0.01);
  FullPressure little_more(1);
  machine_.times.waiting += 19ms;
  little_more.update(machine_, 2s);
  EXPECT_EQ(little_more.percent(), once);
  FullPressure more(1);
  machine_.times.waiting += 1ms;
  more.update(machine_, 2s);
  EXPECT_GT(more.percent(), once);
}

TEST(FullPressureOfProcessorsTest, Paging_and_waiting_is_lost_and_other_work_and_sleep_is_not) {
  FakeMachine machine(2);
  FullPressure pressure(2);
  machine.times = {.user = 1s, .system = 1s, .idle = 2s};
  pressure.update(machine, 2s);
  EXPECT_EQ(pressure.percent(), 0);
  // Half of the time of two processors, in one window.
  machine.times.paging += 500ms;
  machine.times.system += 500ms;
  machine.times.waiting += 1500ms;
  machine.times.idle += 2s;
  pressure.update(machine, 4s);
  EXPECT_NEAR(pressure.percent(), 9.06, 0.01);
}

double highest_of(const MachinePlan& plan, ModelTime until) {
  MachineRun run(plan);
  FullPressure pressure(plan.processors);
  double highest = 0;
  for (ModelTime now = 100ms; now <= until; now += 100ms) {
    run.until(now);
    pressure.update(run.machine.controls(), now);
    highest = std::max(highest, pressure.percent());
  }
  return highest;
}

// Nine pages in ten miss: all the time is waiting on the disk, and paging on zram. After 20 s the
// mean has 86 % of it.
TEST(PressureOfMachinesTest, Is_nearly_all_there_is_where_a_machine_thrashes) {
  CompressedShape beside_memory;
  beside_memory.takes_memory = false;
  const DeviceShape zram{Pages(524288), beside_memory};
  for (const DeviceShape& device : {test::disk(), zram}) {
    MachinePlan plan = test::small_machine(1000, device);
    plan.memory.replacement = test::by_name("random");
    for (int i = 0; i < 4; ++i) plan.processes.push_back(test::uniform_process(2500, 500, 0ms));
    EXPECT_GT(highest_of(plan, 20s), 75);
    plan.processors = 2;
    EXPECT_GT(highest_of(plan, 20s), 75);
  }
}

// Filling memory and changing from one process to the next is the system's work, and nothing lost.
TEST(PressureOfMachinesTest, Is_none_where_all_fits_however_busy_the_system_is) {
  MachinePlan plan = test::small_machine(4000, test::disk());
  plan.context_switch = 100us;
  for (int i = 0; i < 4; ++i) plan.processes.push_back(test::uniform_process(800, 100, 100us));
  EXPECT_EQ(highest_of(plan, 10s), 0);
  MachineRun run(plan);
  run.until(10s);
  EXPECT_GT(run.samples.back().system_percent, 50);
  EXPECT_GT(run.machine.memory().counts().minor_faults, 3000U);
  EXPECT_EQ(run.machine.controls().processor_times().paging, ModelTime(0));
}

}  // namespace
}  // namespace brim::thrash::model
