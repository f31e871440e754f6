// SPDX-License-Identifier: Apache-2.0
#include "study/series.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace brim::study {

const TimedSummary& TimeSeries::highest() const {
  return *std::max_element(values.begin(), values.end(), [](const auto& a, const auto& b) {
    return a.summary.mean < b.summary.mean;
  });
}

std::vector<TimeSeries> series_of(std::span<const Sample> samples) {
  using Key = std::tuple<std::string, std::string, std::uint32_t>;
  std::map<Key, std::map<double, std::vector<double>>> grouped;
  for (const Sample& sample : samples)
    grouped[Key(sample.metric, sample.subject, sample.point)][sample.t_seconds].push_back(
        sample.value);
  std::vector<TimeSeries> all;
  for (const auto& [key, times] : grouped) {
    TimeSeries& series = all.emplace_back();
    std::tie(series.metric, series.subject, series.point) = key;
    for (const auto& [t, values] : times)
      series.values.push_back({t, summarize(values), student_t_interval(values)});
  }
  return all;
}

const TimeSeries* find_series(std::span<const TimeSeries> series, std::string_view metric,
                              std::string_view subject, std::uint32_t point) {
  const auto found = std::find_if(series.begin(), series.end(), [&](const TimeSeries& candidate) {
    return candidate.metric == metric && candidate.subject == subject && candidate.point == point;
  });
  return found == series.end() ? nullptr : &*found;
}

}  // namespace brim::study
