// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of simulated machines have in common.

#include "thrash/model/machine.h"
#include "thrash/model/replacement_table.h"

#include <string_view>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model::test {

// With its defaults.
inline PoolPolicy by_name(std::string_view name) {
  const ReplacementPolicy* policy = find_policy(name);
  EXPECT_NE(policy, nullptr) << name;
  return {[policy](PageTable& table, std::size_t frames, const Rng& rng) {
            return policy->make(table, frames, study::Settings(policy->family.parameters), rng);
          },
          policy->every_hit};
}

// The study's, with a swap area of 2 GB.
inline DeviceShape disk() { return {Pages(524288), HardDiskShape{}}; }
inline DeviceShape zram() { return {Pages(524288), CompressedShape{}}; }

// One processor, a clock over all pages.
inline MachinePlan small_machine(std::uint64_t frames, const DeviceShape& swap) {
  MachinePlan plan;
  plan.memory.frames = Pages(frames);
  plan.memory.watermarks = {
      .min = Pages(frames / 50), .low = Pages(frames / 40), .high = Pages(frames / 33)};
  plan.memory.replacement = by_name("clock");
  plan.memory.swap = swap;
  return plan;
}

inline ProcessPlan uniform_process(std::uint32_t pages, std::uint64_t accesses, ModelTime sleep) {
  ProcessPlan plan;
  plan.pattern = UniformBursts{{.pages = pages, .accesses = accesses, .sleep = sleep}};
  return plan;
}

// A machine with the samples it has given.
struct MachineRun {
  explicit MachineRun(const MachinePlan& plan, ThrashControl* control = nullptr,
                      std::uint64_t seed = 1)
      : machine(plan, Rng(seed), control) {}

  void until(ModelTime time) {
    machine.run(time, [this](const MachineSample& sample) { samples.push_back(sample); });
  }
  [[nodiscard]] std::uint64_t major_faults() const {
    return machine.memory().counts().major_faults;
  }

  Machine machine;
  std::vector<MachineSample> samples;
};

inline std::uint64_t completed_by_all(Machine& machine) {
  std::uint64_t sum = 0;
  for (ThreadNumber number = 0; number < machine.controls().processes(); ++number)
    sum += machine.completed(number);
  return sum;
}

}  // namespace brim::thrash::model::test
