// SPDX-License-Identifier: Apache-2.0
#include "study/against.h"

#include "study/metric.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

namespace brim::study {
namespace {

using nlohmann::json;

// The last value of each repeat, in their order.
std::vector<double> last_values(std::span<const Sample> samples, std::string_view metric,
                                std::uint32_t point) {
  std::map<std::uint32_t, std::pair<double, double>> last;  // by repeat: time, value
  for (const Sample& sample : samples) {
    if (sample.metric != metric || !sample.subject.empty() || sample.point != point) continue;
    const auto found = last.find(sample.repeat);
    if (found == last.end() || sample.t_seconds >= found->second.first)
      last[sample.repeat] = {sample.t_seconds, sample.value};
  }
  std::vector<double> values;
  values.reserve(last.size());
  for (const auto& [repeat, at] : last) values.push_back(at.second);
  return values;
}

// The point that has the baseline's value and all else as `point`, in whatever order it is said.
const Point* base_of(std::span<const Point> points, const Point& point, const Baseline& baseline) {
  const auto own = point.words_at(baseline.path);
  if (!own || *own == baseline.value) return nullptr;
  const auto is_base = [&](const Point& other) {
    return other.values.size() == point.values.size() &&
           std::ranges::all_of(point.values, [&](const auto& value) {
             const bool varied = value.first == baseline.path;
             return other.words_at(value.first) ==
                    (varied ? baseline.value : point.words_at(value.first));
           });
  };
  const auto found = std::ranges::find_if(points, is_base);
  return found == points.end() ? nullptr : &*found;
}

std::optional<std::vector<double>> logarithms(std::span<const double> values) {
  std::vector<double> out;
  out.reserve(values.size());
  for (const double value : values) {
    if (value <= 0) return std::nullopt;
    out.push_back(std::log(value));
  }
  return out;
}

HeldAgainst held(std::span<const double> base, std::span<const double> values) {
  HeldAgainst held{.values = compare_values(base, values),
                   .base = 0,
                   .ratio = std::nullopt,
                   .ratio_interval = std::nullopt};
  const auto base_logs = logarithms(base);
  const auto logs = logarithms(values);
  if (!base_logs || !logs) return held;
  held.ratio = std::exp(mean(*logs) - mean(*base_logs));
  if (const auto interval = welch_interval(*base_logs, *logs))
    held.ratio_interval = Interval{std::exp(interval->low), std::exp(interval->high)};
  return held;
}

std::vector<std::string_view> compared_metrics(const Area& area) {
  if (area.compared.empty()) return {area.headline};
  return {area.compared.begin(), area.compared.end()};
}

}  // namespace

std::vector<HeldAgainst> hold_against(const ScenarioFile& file, std::span<const Sample> samples) {
  std::vector<HeldAgainst> all;
  if (!file.against()) return all;
  for (const std::string_view metric : compared_metrics(*file.base().area))
    for (const Point& point : file.points()) {
      const Point* base = base_of(file.points(), point, *file.against());
      if (base == nullptr) continue;
      const std::vector<double> base_values = last_values(samples, metric, base->number);
      const std::vector<double> values = last_values(samples, metric, point.number);
      if (base_values.empty() || values.empty()) continue;
      HeldAgainst& one = all.emplace_back(held(base_values, values));
      one.values.metric = metric;
      one.values.point = point.number;
      one.base = base->number;
    }
  return all;
}

json held_json(const ScenarioFile& file, const HeldAgainst& held) {
  const MetricComparison& values = held.values;
  json out = {{"metric", values.metric},    {"unit", unit_of(values.metric)},
              {"point", values.point},      {"label", file.points()[values.point].label()},
              {"base", held.base},          {"n", values.b.n},
              {"n_base", values.a.n},       {"mean", values.b.mean},
              {"mean_base", values.a.mean}, {"verdict", name_of(values.verdict)}};
  if (held.ratio) out["ratio"] = *held.ratio;
  if (held.ratio_interval) {
    out["ratio_low"] = held.ratio_interval->low;
    out["ratio_high"] = held.ratio_interval->high;
  }
  if (values.rank_test) out["p_value"] = values.rank_test->p_value;
  return out;
}

}  // namespace brim::study
