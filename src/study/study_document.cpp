// SPDX-License-Identifier: Apache-2.0
#include "study/study_document.h"

#include "study/against.h"
#include "study/metric.h"
#include "study/series.h"
#include "study/study_view.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Section;
using report::Unit;

constexpr std::string_view kRunSchema = "brim.run/1";

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

std::string amount(double value, Unit unit) {
  if (unit == Unit::bytes) return fmt::format("{:.0f} MiB", value / (1 << 20));
  if (unit == Unit::percent) return fmt::format("{:.1f} %", value);
  if (unit == Unit::seconds) return fmt::format("{:.1f} s", value);
  return fmt::format("{:.0f}", value);
}

// ", 92.0 % of what could be saved is saved" for each of the area's outcomes that was recorded.
std::string outcomes_of(const StudyView& view, const json& point) {
  std::string text;
  for (const json& outcome : view.outcomes) {
    const auto metric = outcome.at("metric").get<std::string>();
    if (const json* series = view.find(metric, point))
      text += fmt::format("; {} {}",
                          amount(series->at("values").back().at("mean"), report_unit(metric)),
                          outcome.at("words").get<std::string>());
  }
  return text;
}

// "7.4 times as much (95 %: 6.1 to 8.9; p = 0.008)"; of what may be 0 "median 0 s, there 12.4 s".
std::string against_words(const json& one) {
  std::string words;
  std::vector<std::string> more;
  if (one.contains("ratio")) {
    words = fmt::format("{:.3g} times as much", one.at("ratio").get<double>());
    if (one.contains("ratio_low"))
      more.push_back(fmt::format("95 %: {:.3g} to {:.3g}", one.at("ratio_low").get<double>(),
                                 one.at("ratio_high").get<double>()));
  } else {
    const bool medians = one.contains("median");  // earlier versions have none
    words = fmt::format("{}{:.6g}, there {:.6g}", medians ? "median " : "",
                        one.at(medians ? "median" : "mean").get<double>(),
                        one.at(medians ? "median_base" : "mean_base").get<double>());
  }
  if (one.contains("p_value") && one.at("n").get<std::uint64_t>() > 1)
    more.push_back(fmt::format("p = {:.2g}", one.at("p_value").get<double>()));
  if (const std::string bounds = bounds_words(one); !bounds.empty())
    more.push_back("not seen: " + bounds);
  if (more.empty()) return words;
  return fmt::format("{} ({})", words, fmt::join(more, "; "));
}

// Of the first metric, a line a point.
void answer_against(const StudyView& view, report::Document& document) {
  const json& chief = view.comparisons.front().at("metric");
  document.answer.push_back(fmt::format("{}, each held against the point with {} in its place.",
                                        short_name(chief.get<std::string>()), view.against));
  for (const json& one : view.comparisons) {
    if (one.at("metric") != chief) continue;
    document.answer.push_back(
        fmt::format("{}: {}.", one.at("label").get<std::string>(), against_words(one)));
  }
}

// One line a point, as long as they are few: where the headline ends, its peak, the outcomes.
void answer(const StudyView& view, report::Document& document) {
  if (!view.comparisons.empty()) {
    answer_against(view, document);
    return;
  }
  const auto headline = view.study.at("headline").get<std::string>();
  const Unit unit = report_unit(headline);
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
    const auto label = point.at("label").get<std::string>();
    std::string words = view.study.value("headline_words", headline);
    if (label.empty() && !words.empty())
      words.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(words.front())));
    const bool higher_before =
        peak->at("mean").get<double>() > values.back().at("mean").get<double>();
    document.answer.push_back(fmt::format(
        "{}{}{} {} at the end{}{}.", label, label.empty() ? "" : ": ", words,
        amount(values.back().at("mean"), unit),
        higher_before ? fmt::format("; at most {}, after {:.0f} s", amount(peak->at("mean"), unit),
                                    peak->at("t_seconds").get<double>())
                      : "",
        outcomes_of(view, point)));
  }
  if (lines > kMostLines)
    document.answer.push_back(fmt::format("{} more points below.", lines - kMostLines));
}

json lines_json(std::span<const OverviewLine> lines) {
  json out = json::array();
  for (const OverviewLine& line : lines)
    out.push_back({{"metric", line.metric}, {"label", line.label}});
  return out;
}

}  // namespace

json study_json(const ScenarioFile& scenario, const StudyOutcome& outcome) {
  const Scenario& base = scenario.base();
  json points = json::array();
  for (const Point& point : scenario.points()) points.push_back(point_json(point));
  json series = json::array();
  for (const TimeSeries& one : series_of(outcome.samples)) series.push_back(series_json(one));
  json overviews = json::array();
  for (const Overview& one : base.area->overviews)
    overviews.push_back(
        {{"title", one.title}, {"lines", lines_json(one.lines)}, {"note", one.note}});
  json outcomes = json::array();
  for (const Outcome& one : base.area->outcomes)
    outcomes.push_back({{"metric", one.metric}, {"words", one.words}});
  json by_point = json::array();
  for (const std::string_view metric : base.area->by_point) by_point.push_back(metric);
  if (by_point.empty()) by_point.push_back(base.area->headline);
  json comparisons = json::array();
  for (const HeldAgainst& one : hold_against(scenario, outcome.samples))
    comparisons.push_back(held_json(scenario, one));
  return {{"schema", kRunSchema},
          {"provenance", name_of(outcome.provenance)},
          {"scenario", base.name},
          {"area", base.area->name},
          {"summary", base.summary},
          {"headline", base.area->headline},
          {"headline_words", base.area->headline_words},
          {"seed", base.study.get<std::uint64_t>("seed")},
          {"repeats", base.study.get<std::uint64_t>("repeats")},
          {"scale", base.study.get<double>("scale")},
          {"tasks", outcome.tasks},
          {"tasks_done", outcome.tasks_done},
          {"points", std::move(points)},
          {"series", std::move(series)},
          {"overviews", std::move(overviews)},
          {"outcomes", std::move(outcomes)},
          {"by_point", std::move(by_point)},
          {"against", base.study.get<std::string>("against")},
          {"comparisons", std::move(comparisons)},
          {"notes", outcome.notes},
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
  const json notes = study.value("notes", json::array());
  if (!notes.empty())
    document.sections.push_back({"notes", "What stands for what", notes, {}, {}, false});
  if (!view.metrics.empty()) {
    for (Section& section :
         std::vector<Section>{against_section(view), end_section(view), by_point_section(view),
                              overview_section(view), phases_section(view), guests_section(view),
                              time_section(view), figures_section(view)})
      if (!section.charts.empty() || (!section.tables.empty() && !section.tables[0].rows.empty()))
        document.sections.push_back(std::move(section));
  }
  document.context = {{"scenario", study.at("scenario").get<std::string>()},
                      {"seed", std::to_string(study.at("seed").get<std::uint64_t>())},
                      {"repeats", std::to_string(study.at("repeats").get<std::uint64_t>())},
                      {"scale", fmt::format("{}", study.at("scale").get<double>())}};
  return document;
}

}  // namespace brim::study
