// SPDX-License-Identifier: Apache-2.0
#pragma once
// Points of a sweep, each held against the one that differs from it in nothing but the value that
// study.against names: brim's guard against nobody, on each swap device. What is held against each
// other is the last value of every repeat, of the metrics in study.compare, or else of those that
// the area chose (Area::compared). A repeat that knows only a lower bound of a metric
// (Metric::lower_bound) stands with that. LIMIT: a rank test takes a bound for the value: it errs
// where two repeats are bounded by different lengths of time.
//
// Means are told as a ratio where all values are above 0. A time may be 0: the medians and their
// difference are told always.

#include "study/compare.h"
#include "study/scenario.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::study {

struct HeldAgainst {
  MetricComparison values;                 // a: of the baseline's point; b: of this one
  std::uint32_t base = 0;                  // the baseline's point
  std::size_t bounds = 0;                  // of b's values: lower bounds
  std::size_t base_bounds = 0;             // of a's
  std::optional<double> ratio;             // b to a, of geometric means; where all are above 0
  std::optional<Interval> ratio_interval;  // 95 %: Welch's, of logarithms; of two repeats or more
};

// By metric, in the area's order, then by point; nothing without a baseline.
[[nodiscard]] std::vector<HeldAgainst> hold_against(const ScenarioFile& file,
                                                    std::span<const Sample> samples);
// study.compare as a file says it, a list of metrics or a text with commas between them, as
// Settings hold it: the text. `bad_input` where one is no metric.
[[nodiscard]] Result<std::string> compared_text(const ConfigNode& node);
[[nodiscard]] nlohmann::json held_json(const ScenarioFile& file, const HeldAgainst& held);

}  // namespace brim::study
