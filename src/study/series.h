// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a study recorded, by metric, subject and point, over time: the mean of its repeats.

#include "base/stats.h"
#include "study/run.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::study {

struct TimedSummary {
  double t_seconds = 0;
  Summary summary;                   // over repeats
  std::optional<Interval> interval;  // 95 %, Student t
};

struct TimeSeries {
  std::string metric;
  std::string subject;
  std::uint32_t point = 0;
  std::vector<TimedSummary> values;  // by ascending time; never empty

  // Of the means; the first of equal ones.
  [[nodiscard]] const TimedSummary& highest() const;
};

// Sorted by metric, subject, point.
[[nodiscard]] std::vector<TimeSeries> series_of(std::span<const Sample> samples);
// Null where there is none.
[[nodiscard]] const TimeSeries* find_series(std::span<const TimeSeries> series,
                                            std::string_view metric, std::string_view subject,
                                            std::uint32_t point);

}  // namespace brim::study
