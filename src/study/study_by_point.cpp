// SPDX-License-Identifier: Apache-2.0
// A sweep's chart "by point": figures over what was varied first, where that is a number.
#include "study/metric.h"
#include "study/study_view.h"

#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Chart;
using report::ChartKind;
using report::Section;

// A point's label begins with what was varied first: "guests.0.count=4, mechanism.control=tpf".
std::string first_path(const json& point) {
  const auto label = point.at("label").get<std::string>();
  return label.substr(0, label.find('='));
}

// That of all points, where each has a number there.
std::optional<std::string> numeric_path(const StudyView& view) {
  std::set<double> places;
  const std::string path = first_path(view.points.at(0));
  for (const json& point : view.points) {
    const json& values = point.at("values");
    if (first_path(point) != path || !values.contains(path) || !values.at(path).is_number())
      return std::nullopt;
    places.insert(values.at(path).get<double>());
  }
  return places.size() > 1 ? std::optional(path) : std::nullopt;
}

// What else was varied.
std::string other_label(const json& point) {
  const auto label = point.at("label").get<std::string>();
  const std::size_t comma = label.find(", ");
  return comma == std::string::npos ? "the scenario" : label.substr(comma + 2);
}

// Without the first third of its time, in which a run comes to where it stays.
double later_mean(const json& series) {
  const json& values = series.at("values");
  const double first = values.front().at("t_seconds");
  const double last = values.back().at("t_seconds");
  const double from = first + (last - first) / 3;
  double sum = 0;
  std::size_t count = 0;
  for (const json& value : values) {
    if (value.at("t_seconds").get<double>() < from) continue;
    sum += value.at("mean").get<double>();
    ++count;
  }
  return sum / static_cast<double>(count);
}

Chart chart_by(const StudyView& view, const std::string& path, const std::string& metric) {
  Chart chart;
  chart.id = "by_point_" + short_name(metric);
  chart.title = fmt::format("{} by {}", metric, path);
  chart.kind = ChartKind::line;
  chart.x_title = path;
  chart.y_title = short_name(metric);
  chart.unit = report_unit(metric);
  if (const Metric* known = find_metric(metric)) chart.note = std::string(known->meaning) + " ";
  chart.note += "Mean over the last two thirds of each run.";
  for (const json& point : view.points) {
    const json* series = view.find(metric, point);
    if (series == nullptr) continue;
    const std::string name = other_label(point);
    auto line = std::ranges::find(chart.series, name, &report::Series::name);
    if (line == chart.series.end()) {
      chart.series.push_back({name, {}, {}, {}});
      line = chart.series.end() - 1;
    }
    const double x = point.at("values").at(path);
    const auto place = std::ranges::lower_bound(line->x, x) - line->x.begin();
    line->x.insert(line->x.begin() + place, x);
    line->y.insert(line->y.begin() + place, later_mean(*series));
  }
  return chart;
}

}  // namespace

Section by_point_section(const StudyView& view) {
  Section section{"by_point", "By what was varied", {}, {}, {}, false};
  const std::optional<std::string> path = numeric_path(view);
  if (!path) return section;
  for (const std::string& metric : view.by_point) {
    Chart chart = chart_by(view, *path, metric);
    if (!chart.series.empty()) section.charts.push_back(std::move(chart));
  }
  return section;
}

}  // namespace brim::study
