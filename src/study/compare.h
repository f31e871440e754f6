// SPDX-License-Identifier: Apache-2.0
#pragma once
// Two runs side by side, per metric and subject: difference of means, Welch interval, rank test,
// and plain words. A run's values of one metric and subject are all its samples (repeats and time
// steps); with one value on a side there is a difference but no interval.

#include "base/stats.h"
#include "report/document.h"
#include "study/run.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

enum class Verdict : std::uint8_t { higher, lower, no_difference_seen, too_few };
[[nodiscard]] std::string_view name_of(Verdict verdict);

struct MetricComparison {
  std::string metric;
  std::string subject;      // "" for the total
  std::uint32_t point = 0;  // of a sweep
  Summary a;
  Summary b;
  double difference = 0;                     // mean(b) - mean(a)
  std::optional<double> difference_percent;  // of mean(a), where that is not 0
  std::optional<Interval> interval;          // 95 %, Welch
  std::optional<RankTest> rank_test;
  Verdict verdict =
      Verdict::too_few;  // higher, lower: rank test p < 0.05 and the interval excludes 0
};

// Of two samples, neither empty, without their names.
[[nodiscard]] MetricComparison compare_values(std::span<const double> a, std::span<const double> b);
// Metrics in both runs, by name, subject, point. `total_only`: leave subjects out.
[[nodiscard]] std::vector<MetricComparison> compare(const Run& a, const Run& b, bool total_only);
// compare(), and what a reader should know beside it: what only one run has, whether both came to
// their end, how their hosts differ.
[[nodiscard]] report::Document comparison_document(const Run& a, const Run& b, bool total_only);

}  // namespace brim::study
