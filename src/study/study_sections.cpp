// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "study/metric.h"
#include "study/study_view.h"

#include <algorithm>
#include <array>
#include <functional>
#include <set>

#include <fmt/format.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Cell;
using report::Chart;
using report::ChartKind;
using report::Section;
using report::Table;
using report::Unit;

constexpr std::size_t kFewPoints = 4;
// Subjects that are phases of a run, not guests.
constexpr std::array<std::string_view, 3> kPhaseSubjects{"before", "during", "after"};

bool is_phase(const std::string& subject) {
  return std::ranges::find(kPhaseSubjects, subject) != kPhaseSubjects.end();
}

// Those told of one of these subjects.
std::set<std::string> metrics_told_of(const StudyView& view,
                                      const std::function<bool(const std::string&)>& is_subject) {
  std::set<std::string> metrics;
  for (const json& one : view.series)
    if (is_subject(one.at("subject").get<std::string>()))
      metrics.insert(one.at("metric").get<std::string>());
  return metrics;
}

// The headline, the outcomes and what is in overviews, as far as they were recorded.
std::vector<std::string> chief_metrics(const StudyView& view) {
  std::vector<std::string> chosen;
  const auto add = [&](const std::string& metric) {
    if (std::find(view.metrics.begin(), view.metrics.end(), metric) != view.metrics.end())
      add_once(chosen, metric);
  };
  add(view.study.at("headline").get<std::string>());
  for (const json& outcome : view.outcomes) add(outcome.at("metric"));
  for (const json& overview : view.overviews)
    for (const json& line : overview.at("lines")) add(line.at("metric"));
  return chosen;
}

report::Series line_of(const json& series, const std::string& name, double factor) {
  report::Series line{name, {}, {}, {}};
  for (const json& value : series.at("values")) {
    line.x.push_back(value.at("t_seconds"));
    line.y.push_back(value.at("mean").get<double>() * factor);
  }
  return line;
}

Chart chart_of(const StudyView& view, const std::string& metric) {
  Chart chart{short_name(metric),
              metric,
              ChartKind::line,
              "time (s)",
              short_name(metric),
              report_unit(metric),
              {},
              {},
              ""};
  if (const Metric* known = find_metric(metric)) chart.note = known->meaning;
  for (const json& point : view.points)
    if (const json* series = view.find(metric, point))
      chart.series.push_back(line_of(*series, StudyView::label(point), 1));
  return chart;
}

// The line of a metric, or of the sum of several that have the same times; empty where one of them
// was not recorded.
report::Series sum_of(const StudyView& view, const std::string& metrics, const json& point) {
  report::Series sum;
  for (const std::string_view part : split(metrics, '+')) {
    const std::string metric(part);
    const json* series = view.find(metric, point);
    if (series == nullptr) return {};
    const bool pages = report_unit(metric) == Unit::pages;
    report::Series line = line_of(*series, "", pages ? kPageSize : 1);
    if (sum.y.empty()) {
      sum = std::move(line);
    } else if (sum.x == line.x) {
      std::transform(sum.y.begin(), sum.y.end(), line.y.begin(), sum.y.begin(), std::plus<>());
    } else {
      return {};
    }
  }
  return sum;
}

Chart overview_chart(const StudyView& view, const json& overview, const json& point) {
  Chart chart;
  chart.kind = ChartKind::line;
  chart.title = overview.at("title").get<std::string>();
  chart.x_title = "time (s)";
  chart.note = overview.at("note").get<std::string>();
  if (!point.at("label").get_ref<const std::string&>().empty())
    chart.title += fmt::format(" ({})", StudyView::label(point));
  for (const json& line : overview.at("lines")) {
    const auto metrics = line.at("metric").get<std::string>();
    report::Series series = sum_of(view, metrics, point);
    if (series.x.empty()) continue;
    const Unit unit = report_unit(metrics.substr(0, metrics.find('+')));
    chart.unit = unit == Unit::pages ? Unit::bytes : unit;
    series.name = line.at("label").get<std::string>();
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace

StudyView::StudyView(const json& whole)
    : study(whole),
      points(whole.at("points")),
      series(whole.at("series")),
      overviews(whole.value("overviews", json::array())),
      outcomes(whole.value("outcomes", json::array())),
      by_point(whole.value("by_point", std::vector<std::string>{whole.at("headline")})),
      against(whole.value("against", std::string())),
      comparisons(whole.value("comparisons", json::array())) {
  std::set<std::string> names;
  for (const json& one : series)
    if (one.at("subject").get_ref<const std::string&>().empty())
      names.insert(one.at("metric").get<std::string>());
  metrics.assign(names.begin(), names.end());
}

const json* StudyView::find(const std::string& metric, const json& point,
                            const std::string& subject) const {
  for (const json& one : series)
    if (one.at("metric") == metric && one.at("subject") == subject &&
        one.at("point") == point.at("number"))
      return &one;
  return nullptr;
}

std::vector<std::string> StudyView::subjects() const {
  std::vector<std::string> names;
  for (const json& one : series)
    if (!one.at("subject").get_ref<const std::string&>().empty())
      add_once(names, one.at("subject"));
  return names;
}

std::string StudyView::label(const json& point) {
  const auto label = point.at("label").get<std::string>();
  return label.empty() ? "the scenario" : label;
}

Unit report_unit(std::string_view metric) {
  const std::string_view unit = unit_of(metric);
  if (unit == "bytes") return Unit::bytes;
  if (unit == "pages") return Unit::pages;
  if (unit == "percent") return Unit::percent;
  if (unit == "s") return Unit::seconds;
  return Unit::count;
}

std::string short_name(const std::string& metric) { return metric.substr(metric.find('.') + 1); }

Cell cell_of(const json& value) {
  const double mean = value.at("mean");
  if (!value.contains("low")) return Cell(mean);
  return Cell(mean, Interval{value.at("low"), value.at("high")});
}

Section end_section(const StudyView& view) {
  Table table{"final",
              "At the end",
              "Means of the repeats, with 95 % intervals where there are several.",
              {{"point", "point", Unit::none}},
              {}};
  const std::vector<std::string> metrics = chief_metrics(view);
  for (const std::string& metric : metrics)
    table.columns.push_back({metric, short_name(metric), report_unit(metric)});
  for (const json& point : view.points) {
    std::vector<Cell> row{Cell(StudyView::label(point))};
    for (const std::string& metric : metrics) {
      const json* series = view.find(metric, point);
      row.push_back(series != nullptr ? cell_of(series->at("values").back()) : Cell());
    }
    table.rows.push_back(std::move(row));
  }
  return {"final", "At the end", {}, {std::move(table)}, {}, false};
}

Section overview_section(const StudyView& view) {
  Section section{"overview", "Overview", {}, {}, {}, false};
  if (view.points.size() > kFewPoints) return section;
  for (const json& overview : view.overviews)
    for (const json& point : view.points) {
      Chart chart = overview_chart(view, overview, point);
      chart.id = fmt::format("overview_{}", section.charts.size());
      if (!chart.series.empty()) section.charts.push_back(std::move(chart));
    }
  return section;
}

Section phases_section(const StudyView& view) {
  Table table{"phases",
              "Before, during and after",
              "Means of the repeats, with 95 % intervals where there are several.",
              {{"point", "point", Unit::none},
               {"metric", "metric", Unit::none},
               {"unit", "unit", Unit::none}},
              {}};
  for (const std::string_view phase : kPhaseSubjects)
    table.columns.push_back({std::string(phase), std::string(phase), Unit::ratio});
  for (const json& point : view.points)
    for (const std::string& metric : metrics_told_of(view, is_phase)) {
      std::vector<Cell> row{Cell(StudyView::label(point)), Cell(metric),
                            Cell(std::string(unit_of(metric)))};
      for (const std::string_view phase : kPhaseSubjects) {
        const json* series = view.find(metric, point, std::string(phase));
        row.push_back(series != nullptr ? cell_of(series->at("values").back()) : Cell());
      }
      table.rows.push_back(std::move(row));
    }
  return {"phases", "Before, during and after", {}, {std::move(table)}, {}, true};
}

Section guests_section(const StudyView& view) {
  const auto is_guest = [](const std::string& subject) {
    return !subject.empty() && !is_phase(subject);
  };
  const std::set<std::string> metrics = metrics_told_of(view, is_guest);
  Table table{"guests",
              "Each guest at the end",
              "",
              {{"point", "point", Unit::none}, {"guest", "guest", Unit::none}},
              {}};
  for (const std::string& metric : metrics)
    table.columns.push_back({metric, short_name(metric), report_unit(metric)});
  for (const json& point : view.points)
    for (const std::string& subject : view.subjects()) {
      if (!is_guest(subject)) continue;
      std::vector<Cell> row{Cell(StudyView::label(point)), Cell(subject)};
      for (const std::string& metric : metrics) {
        const json* series = view.find(metric, point, subject);
        row.push_back(series != nullptr ? cell_of(series->at("values").back()) : Cell());
      }
      table.rows.push_back(std::move(row));
    }
  return {"guests", "Guests", {}, {std::move(table)}, {}, true};
}

Section time_section(const StudyView& view) {
  Section time{"time", "Over time", {}, {}, {}, true};
  for (const std::string& metric : view.metrics) time.charts.push_back(chart_of(view, metric));
  return time;
}

Section figures_section(const StudyView& view) {
  Table table{"figures",
              "All figures at the end",
              "Of all guests together.",
              {{"point", "point", Unit::none},
               {"metric", "metric", Unit::none},
               {"unit", "unit", Unit::none},
               {"mean", "mean", Unit::ratio},
               {"n", "repeats", Unit::count}},
              {}};
  for (const json& point : view.points)
    for (const std::string& metric : view.metrics)
      if (const json* series = view.find(metric, point))
        table.rows.push_back({Cell(StudyView::label(point)), Cell(metric),
                              Cell(series->at("unit").get<std::string>()),
                              cell_of(series->at("values").back()),
                              Cell(series->at("values").back().at("n").get<std::uint64_t>())});
  return {"figures", "All figures", {}, {std::move(table)}, {}, true};
}

}  // namespace brim::study
