// SPDX-License-Identifier: Apache-2.0
// The study of operating systems under thrashing (Santos, PUCPR, 2009), on the model of its
// machine: 25 consumers of 100 MB that come and go, W = 10,000 writes each 100 ms, tc = 30 s, 730
// MB of RAM.
#include "base/own_time.h"
#include "thrash/model/test_machines.h"

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

MachinePlan study_machine() {
  MachinePlan plan = test::small_machine(whole_pages(mebibytes(730)).count(), test::disk());
  plan.memory.watermarks = linux_watermarks(plan.memory.frames);
  plan.memory.replacement = test::by_name("random");
  for (int i = 1; i <= 25; ++i) {
    ProcessPlan consumer = test::uniform_process(25600, 10000, 100ms);
    consumer.start = 10s + i * 30s;
    consumer.run_for = 25 * 30s + 30s;
    plan.processes.push_back(consumer);
  }
  return plan;
}

TEST(MachineStudyTest, Goes_into_thrashing_and_back_within_a_minute_of_one_processor) {
  const auto begin = thread_time();
  test::MachineRun run(study_machine());
  run.until(1510s);
  EXPECT_LT(thread_time() - begin, 60s);
  ASSERT_EQ(run.samples.size(), 1510U);
  // One more each 30 s from 40 s on: seven fit.
  for (std::size_t second = 0; second < 210; ++second)
    EXPECT_EQ(run.samples[second].major_faults, 0U) << second;
  const MachineSample& thrashing = run.samples[600];
  EXPECT_GT(thrashing.device_busy_percent, 99);
  EXPECT_LT(thrashing.user_percent, run.samples[200].user_percent / 4);
  EXPECT_GT(run.samples[700].blocked, 10U);
  EXPECT_EQ(run.machine.memory().inconsistency(), "");
}

}  // namespace
}  // namespace brim::thrash::model
