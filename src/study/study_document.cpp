// SPDX-License-Identifier: Apache-2.0
#include "study/study_document.h"

#include "study/metric.h"
#include "study/series.h"

#include <algorithm>
#include <set>
#include <utility>

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

constexpr std::string_view kRunSchema = "brim.run/1";

Unit unit_for(std::string_view unit) {
  if (unit == "bytes") return Unit::bytes;
  if (unit == "pages") return Unit::pages;
  if (unit == "percent") return Unit::percent;
  if (unit == "s") return Unit::seconds;
  return Unit::count;
}

json point_json(const Point& point) {
  json values = json::object();
  for (const auto& [path, value] : point.values)
    std::visit(
        [&values, &path = path](const auto& plain) {
          if constexpr (requires { json(plain); }) values[path] = plain;
        },
        value.value);
  return {{"number", point.number}, {"label", point.label()}, {"values", std::move(values)}};
}

json series_json(const TimeSeries& series) {
  json times = json::array();
  for (const TimedSummary& at : series.values) {
    json one = {{"t_seconds", at.t_seconds},
                {"n", at.summary.n},
                {"mean", at.summary.mean},
                {"minimum", at.summary.minimum},
                {"maximum", at.summary.maximum}};
    if (at.interval) {
      one["low"] = at.interval->low;
      one["high"] = at.interval->high;
    }
    times.push_back(std::move(one));
  }
  return {{"metric", series.metric},
          {"unit", unit_of(series.metric)},
          {"subject", series.subject},
          {"point", series.point},
          {"values", std::move(times)}};
}

// What a study's JSON is read into, to be shown.
struct StudyView {
  const json& study;
  const json& points;
  const json& series;
  std::vector<std::string> metrics;  // that the total has

  explicit StudyView(const json& whole)
      : study(whole), points(whole.at("points")), series(whole.at("series")) {
    std::set<std::string> names;
    for (const json& one : series)
      if (one.at("subject").get_ref<const std::string&>().empty())
        names.insert(one.at("metric").get<std::string>());
    metrics.assign(names.begin(), names.end());
  }
  [[nodiscard]] const json* find(const std::string& metric, const json& point) const {
    for (const json& one : series)
      if (one.at("metric") == metric && one.at("subject").get_ref<const std::string&>().empty() &&
          one.at("point") == point.at("number"))
        return &one;
    return nullptr;
  }
  [[nodiscard]] static std::string label(const json& point) {
    const auto label = point.at("label").get<std::string>();
    return label.empty() ? "the scenario" : label;
  }
};

Cell cell_of(const json& value) {
  const double mean = value.at("mean");
  if (!value.contains("low")) return Cell(mean);
  return Cell(mean, Interval{value.at("low"), value.at("high")});
}

Table final_table(const StudyView& view) {
  Table table{"final",
              "At the end",
              "Means of the repeats, with 95 % intervals where there are several.",
              {{"point", "point", Unit::none}},
              {}};
  for (const std::string& metric : view.metrics)
    table.columns.push_back(
        {metric, metric.substr(metric.find('.') + 1), unit_for(unit_of(metric))});
  for (const json& point : view.points) {
    std::vector<Cell> row{Cell(StudyView::label(point))};
    for (const std::string& metric : view.metrics) {
      const json* series = view.find(metric, point);
      row.push_back(series != nullptr ? cell_of(series->at("values").back()) : Cell());
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Chart chart_of(const StudyView& view, const std::string& metric) {
  Chart chart{metric.substr(metric.find('.') + 1),
              metric,
              ChartKind::line,
              "time (s)",
              metric.substr(metric.find('.') + 1),
              unit_for(unit_of(metric)),
              {},
              {},
              ""};
  if (const Metric* known = find_metric(metric)) chart.note = known->meaning;
  for (const json& point : view.points) {
    const json* series = view.find(metric, point);
    if (series == nullptr) continue;
    report::Series line{StudyView::label(point), {}, {}, {}};
    for (const json& value : series->at("values")) {
      line.x.push_back(value.at("t_seconds"));
      line.y.push_back(value.at("mean"));
    }
    chart.series.push_back(std::move(line));
  }
  return chart;
}

std::string amount(double value, Unit unit) {
  if (unit == Unit::bytes) return fmt::format("{:.0f} MiB", value / (1 << 20));
  if (unit == Unit::percent) return fmt::format("{:.1f} %", value);
  return fmt::format("{:.0f}", value);
}

// One line a point, as long as they are few: where the headline ends, and its peak.
void answer(const StudyView& view, report::Document& document) {
  const auto headline = view.study.at("headline").get<std::string>();
  const Unit unit = unit_for(unit_of(headline));
  constexpr std::size_t kMostLines = 8;
  std::size_t lines = 0;
  for (const json& point : view.points) {
    const json* series = view.find(headline, point);
    if (series == nullptr || lines++ >= kMostLines) continue;
    const json& values = series->at("values");
    const auto peak =
        std::max_element(values.begin(), values.end(), [](const json& a, const json& b) {
          return a.at("mean").get<double>() < b.at("mean").get<double>();
        });
    document.answer.push_back(
        fmt::format("{}: {} {} at the end; at most {}, after {:.0f} s.", StudyView::label(point),
                    headline, amount(values.back().at("mean"), unit),
                    amount(peak->at("mean"), unit), peak->at("t_seconds").get<double>()));
  }
  if (lines > kMostLines)
    document.answer.push_back(fmt::format("{} more points below.", lines - kMostLines));
}

}  // namespace

json study_json(const ScenarioFile& scenario, const StudyOutcome& outcome) {
  const Scenario& base = scenario.base();
  json points = json::array();
  for (const Point& point : scenario.points()) points.push_back(point_json(point));
  json series = json::array();
  for (const TimeSeries& one : series_of(outcome.samples)) series.push_back(series_json(one));
  return {{"schema", kRunSchema},
          {"provenance", name_of(outcome.provenance)},
          {"scenario", base.name},
          {"area", base.area->name},
          {"summary", base.summary},
          {"headline", base.area->headline},
          {"seed", base.study.get<std::uint64_t>("seed")},
          {"repeats", base.study.get<std::uint64_t>("repeats")},
          {"scale", base.study.get<double>("scale")},
          {"tasks", outcome.tasks},
          {"tasks_done", outcome.tasks_done},
          {"points", std::move(points)},
          {"series", std::move(series)},
          {"warnings", json::array()}};
}

Result<report::Document> study_document(const json& study) {
  if (study.value("schema", "") != kRunSchema)
    return fail(ErrorCode::bad_input, fmt::format("not a result of schema {}", kRunSchema));
  const StudyView view(study);
  report::Document document;
  document.title = fmt::format("Study {}", study.at("scenario").get<std::string>());
  document.json = study;
  const bool modelled = study.at("provenance") == name_of(Provenance::modelled);
  document.provenance = modelled ? Provenance::modelled : Provenance::measured;
  if (!study.at("summary").get<std::string>().empty())
    document.answer.push_back(study.at("summary").get<std::string>() + ".");
  answer(view, document);
  for (const json& warning : study.at("warnings"))
    document.warnings.push_back(warning.get<std::string>());
  const std::uint64_t done = study.at("tasks_done");
  const std::uint64_t tasks = study.at("tasks");
  if (done < tasks)
    document.warnings.push_back(
        fmt::format("Interrupted: {} of {} runs of points are in it.", done, tasks));
  if (!view.metrics.empty()) {
    Section end{"final", "At the end", {}, {final_table(view)}, {}, false};
    document.sections.push_back(std::move(end));
    Section time{"time", "Over time", {}, {}, {}, true};
    for (const std::string& metric : view.metrics) time.charts.push_back(chart_of(view, metric));
    document.sections.push_back(std::move(time));
  }
  document.context = {{"scenario", study.at("scenario").get<std::string>()},
                      {"seed", std::to_string(study.at("seed").get<std::uint64_t>())},
                      {"repeats", std::to_string(study.at("repeats").get<std::uint64_t>())},
                      {"scale", fmt::format("{}", study.at("scale").get<double>())}};
  return document;
}

}  // namespace brim::study
