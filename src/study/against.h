// SPDX-License-Identifier: Apache-2.0
#pragma once
// Points of a sweep, each held against the one that differs from it in nothing but the value that
// study.against names: brim's guard against nobody, on each swap device. What is held against each
// other is the last value of every repeat, of the metrics that the area chose (Area::compared).

#include "study/compare.h"
#include "study/scenario.h"

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace brim::study {

struct HeldAgainst {
  MetricComparison values;                 // a: of the baseline's point; b: of this one
  std::uint32_t base = 0;                  // the baseline's point
  std::optional<double> ratio;             // b to a, of geometric means; where all are above 0
  std::optional<Interval> ratio_interval;  // 95 %: Welch's, of logarithms; of two repeats or more
};

// By metric, in the area's order, then by point; nothing without a baseline.
[[nodiscard]] std::vector<HeldAgainst> hold_against(const ScenarioFile& file,
                                                    std::span<const Sample> samples);
[[nodiscard]] nlohmann::json held_json(const ScenarioFile& file, const HeldAgainst& held);

}  // namespace brim::study
