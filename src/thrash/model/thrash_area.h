// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scenario of the area "thrash" may say.
//
//   [hardware]   the machine: memory, processors, the swap device and its parameters
//   [mechanism]  the operating system, data for the model's parts, and who controls thrashing
//   [loads.NAME] what a consumer touches: M, W and tw of the study's benchmark, others; a program
//   [[guests]]   consumers: N of them, tc apart, each for tp
//   [live]       how it is done here
//
// What consumers can have is hardware.memory less mechanism.own_memory: live, the hard limit of
// their group. study.scale makes memory, and the writes of a burst, that much smaller or larger.

#include "study/area.h"
#include "study/scenario.h"

#include <chrono>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

[[nodiscard]] const study::Area& thrash_area();

// One consumer of a scenario, whoever runs it.
struct Consumer {
  const study::Load* load = nullptr;  // of the scenario
  std::uint32_t group = 0;            // of Scenario::guests
  std::chrono::nanoseconds start{0};
  std::chrono::nanoseconds run_for{0};
  bool interactive = false;
};

// In the order of the file; the i-th of a group, from 1, starts at settle + i * start_interval and
// has run_for, or start_interval * (count + 1) where that is 0. Errors: neither is given, a group
// without a load.
[[nodiscard]] Result<std::vector<Consumer>> plan_consumers(const study::Scenario& scenario);
// hardware.memory less mechanism.own_memory, scaled. Errors: nothing is left.
[[nodiscard]] Result<Bytes> memory_for_consumers(const study::Scenario& scenario);

}  // namespace brim::thrash::model
