// SPDX-License-Identifier: Apache-2.0
#include "study/against.h"

#include "base/text.h"
#include "study/metric.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace brim::study {
namespace {

using nlohmann::json;

struct LastValues {
  std::vector<double> values;  // by repeat
  std::size_t bounds = 0;      // of them: lower bounds
};

// Of a metric, or of the one that bounds it where a repeat has only that.
LastValues last_values(std::span<const Sample> samples, std::string_view metric,
                       std::uint32_t point) {
  const Metric* const known = find_metric(metric);
  const std::string_view bound = known == nullptr ? std::string_view() : known->lower_bound;
  std::map<std::uint32_t, const Sample*> last;  // by repeat
  for (const Sample& sample : samples) {
    if ((sample.metric != metric && (bound.empty() || sample.metric != bound)) ||
        !sample.subject.empty() || sample.point != point)
      continue;
    const Sample*& at = last[sample.repeat];
    if (at == nullptr || sample.t_seconds >= at->t_seconds) at = &sample;
  }
  LastValues all;
  for (const auto& [repeat, sample] : last) {
    all.values.push_back(sample->value);
    all.bounds += sample->metric == metric ? 0 : 1;
  }
  return all;
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

HeldAgainst held(const LastValues& base, const LastValues& own) {
  HeldAgainst held{.values = compare_values(base.values, own.values),
                   .base = 0,
                   .bounds = own.bounds,
                   .base_bounds = base.bounds,
                   .ratio = std::nullopt,
                   .ratio_interval = std::nullopt};
  const auto base_logs = logarithms(base.values);
  const auto logs = logarithms(own.values);
  if (!base_logs || !logs) return held;
  held.ratio = std::exp(mean(*logs) - mean(*base_logs));
  if (const auto interval = welch_interval(*base_logs, *logs))
    held.ratio_interval = Interval{std::exp(interval->low), std::exp(interval->high)};
  return held;
}

std::vector<std::string_view> compared_metrics(const Scenario& scenario) {
  const Area& area = *scenario.area;
  if (const auto& named = scenario.study.get<std::string>("compare"); !named.empty())
    return split(named, ',');
  if (area.compared.empty()) return {area.headline};
  return {area.compared.begin(), area.compared.end()};
}

// Nothing where they do not differ, or neither way is better.
std::optional<bool> is_better(const MetricComparison& values) {
  const Metric* const known = find_metric(values.metric);
  const bool higher = values.verdict == Verdict::higher;
  if (known == nullptr || known->direction == Direction::neither ||
      (!higher && values.verdict != Verdict::lower))
    return std::nullopt;
  return higher == (known->direction == Direction::more_is_better);
}

}  // namespace

std::vector<HeldAgainst> hold_against(const ScenarioFile& file, std::span<const Sample> samples) {
  std::vector<HeldAgainst> all;
  if (!file.against()) return all;
  for (const std::string_view metric : compared_metrics(file.base()))
    for (const Point& point : file.points()) {
      const Point* base = base_of(file.points(), point, *file.against());
      if (base == nullptr) continue;
      const LastValues of_base = last_values(samples, metric, base->number);
      const LastValues own = last_values(samples, metric, point.number);
      if (of_base.values.empty() || own.values.empty()) continue;
      HeldAgainst& one = all.emplace_back(held(of_base, own));
      one.values.metric = metric;
      one.values.point = point.number;
      one.base = base->number;
    }
  return all;
}

Result<std::string> compared_text(const ConfigNode& node) {
  const ConfigList alone{node};
  std::vector<std::string> names;
  for (const ConfigNode& one : node.list() != nullptr ? *node.list() : alone) {
    if (one.text() == nullptr)
      return fail(ErrorCode::bad_input,
                  fmt::format("compare: expected a list of metrics, not {}", one.kind()),
                  one.place());
    for (const std::string_view name : split(*one.text(), ','))
      if (!trim(name).empty()) names.emplace_back(trim(name));
  }
  std::vector<std::string> known;
  for (const Metric& metric : metrics()) known.emplace_back(metric.name);
  for (const std::string& name : names) {
    if (find_metric(name) != nullptr) continue;
    const auto near = nearest_word(name, known);
    return fail(
        ErrorCode::bad_input,
        fmt::format("compare: there is no metric '{}'{}", name,
                    near ? fmt::format("; did you mean '{}'?", *near) : ": see brim list metrics"),
        node.place());
  }
  return fmt::format("{}", fmt::join(names, ","));
}

json held_json(const ScenarioFile& file, const HeldAgainst& held) {
  const MetricComparison& values = held.values;
  json out = {{"metric", values.metric},
              {"unit", unit_of(values.metric)},
              {"point", values.point},
              {"label", file.points()[values.point].label()},
              {"base", held.base},
              {"n", values.b.n},
              {"n_base", values.a.n},
              {"bounds", held.bounds},
              {"bounds_base", held.base_bounds},
              {"mean", values.b.mean},
              {"mean_base", values.a.mean},
              {"median", values.b.median},
              {"median_base", values.a.median},
              {"verdict", name_of(values.verdict)}};
  if (held.ratio) out["ratio"] = *held.ratio;
  if (held.ratio_interval) {
    out["ratio_low"] = held.ratio_interval->low;
    out["ratio_high"] = held.ratio_interval->high;
  }
  if (values.rank_test) out["p_value"] = values.rank_test->p_value;
  if (const auto better = is_better(values)) out["better"] = *better;
  return out;
}

}  // namespace brim::study
