// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/out_of_memory.h"

#include "thrash/model/test_machines.h"

#include <algorithm>
#include <array>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

TEST(OutOfMemoryTest, Choices_are_those_that_a_scenario_has) {
  EXPECT_TRUE(std::ranges::is_sorted(victim_policies(), {}, &VictimPolicy::name));
  for (const char* name : {"largest", "linux-2.6"}) EXPECT_NE(find_victim_policy(name), nullptr);
  EXPECT_EQ(find_victim_policy("smallest"), nullptr);
}

TEST(OutOfMemoryTest, The_largest_is_by_what_it_has_and_badness_by_its_address_space) {
  const auto processes = std::to_array<ProcessMemory>(
      {{.process = 3, .frames = 50, .swapped = 60, .size = 200, .user_time = {}, .running_for = {}},
       {.process = 5, .frames = 100, .swapped = 0, .size = 400, .user_time = {}, .running_for = {}},
       {.process = 6, .frames = 9, .swapped = 9, .size = 300, .user_time = {}, .running_for = {}}});
  EXPECT_EQ(find_victim_policy("largest")->choose(processes), 3U);
  EXPECT_EQ(find_victim_policy("linux-2.6")->choose(processes), 5U);
}

TEST(OutOfMemoryTest, Badness_falls_with_the_roots_of_work_and_age) {
  ProcessMemory process{.size = 1200};
  EXPECT_EQ(badness(process), 1200);
  process.user_time = 4 * 8s - 1ns;
  EXPECT_EQ(badness(process), 1200);
  process.user_time = 4 * 8s;
  EXPECT_EQ(badness(process), 600);
  process.running_for = 16 * 1024s - 1ns;
  EXPECT_EQ(badness(process), 600);
  process.running_for = 16 * 1024s;
  EXPECT_EQ(badness(process), 300);
}

// The one that ran for longest is spared, though it has most.
TEST(OutOfMemoryTest, The_machine_tells_how_long_each_has_worked) {
  const auto killed_by = [](const char* policy) {
    MachinePlan plan = test::small_machine(1000, {Pages(200), kNvmeFlash});
    plan.memory.batch = 1;
    plan.processes.push_back(test::uniform_process(500, 1'000'000'000, 0ms));
    for (int i = 0; i < 2; ++i) {
      plan.processes.push_back(test::uniform_process(480, 1'000'000'000, 0ms));
      plan.processes.back().start = 40s;
    }
    plan.choose_victim = find_victim_policy(policy)->choose;
    test::MachineRun run(plan);
    run.until(60s);
    std::vector<ThreadNumber> killed;
    for (ThreadNumber number = 0; number < 3; ++number)
      if (run.machine.ended(number).ending == Ending::killed) killed.push_back(number);
    return killed;
  };
  EXPECT_EQ(killed_by("largest"), std::vector<ThreadNumber>{0});
  const std::vector<ThreadNumber> others = killed_by("linux-2.6");
  ASSERT_EQ(others.size(), 1U);
  EXPECT_NE(others[0], 0U);
}

}  // namespace
}  // namespace brim::thrash::model
