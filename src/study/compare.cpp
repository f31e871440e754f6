// SPDX-License-Identifier: Apache-2.0
#include "study/compare.h"

#include <cmath>
#include <map>
#include <tuple>

namespace brim::study {
namespace {

constexpr double kSignificance = 0.05;

using Key = std::tuple<std::string, std::string, std::uint32_t>;  // metric, subject, point

std::map<Key, std::vector<double>> values_by_key(const Run& run, bool total_only) {
  std::map<Key, std::vector<double>> values;
  for (const Sample& sample : run.samples)
    if (!total_only || sample.subject.empty())
      values[{sample.metric, sample.subject, sample.point}].push_back(sample.value);
  return values;
}

Verdict verdict_of(const MetricComparison& row) {
  if (!row.interval || !row.rank_test) return Verdict::too_few;
  if (least_rank_test_p(row.a.n, row.b.n) >= kSignificance) return Verdict::too_few;
  const bool excludes_zero = row.interval->low > 0 || row.interval->high < 0;
  if (row.rank_test->p_value >= kSignificance || !excludes_zero) return Verdict::no_difference_seen;
  return row.difference > 0 ? Verdict::higher : Verdict::lower;
}

}  // namespace

MetricComparison compare_values(std::span<const double> a, std::span<const double> b) {
  MetricComparison row;
  row.a = summarize(a);
  row.b = summarize(b);
  row.difference = row.b.mean - row.a.mean;
  if (row.a.mean != 0) row.difference_percent = 100 * row.difference / std::abs(row.a.mean);
  row.interval = welch_interval(a, b);
  row.rank_test = mann_whitney(a, b);
  row.verdict = verdict_of(row);
  return row;
}

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::higher:
      return "higher";
    case Verdict::lower:
      return "lower";
    case Verdict::no_difference_seen:
      return "no_difference_seen";
    case Verdict::too_few:
      return "too_few";
  }
  return "too_few";
}

std::vector<MetricComparison> compare(const Run& a, const Run& b, bool total_only) {
  const auto values_a = values_by_key(a, total_only);
  const auto values_b = values_by_key(b, total_only);
  std::vector<MetricComparison> rows;
  for (const auto& [key, values] : values_a)
    if (const auto other = values_b.find(key); other != values_b.end()) {
      MetricComparison& row = rows.emplace_back(compare_values(values, other->second));
      std::tie(row.metric, row.subject, row.point) = key;
    }
  return rows;
}

}  // namespace brim::study
