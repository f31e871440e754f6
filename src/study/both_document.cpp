// SPDX-License-Identifier: Apache-2.0
#include "study/both_document.h"

#include "study/metric.h"
#include "study/study_view.h"

#include <algorithm>
#include <cmath>
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

constexpr std::string_view kBothSchema = "brim.run_both/1";

const json& last_of(const json& series) { return series.at("values").back(); }

// The model's figure less the measured one, in percent of that; nothing where it is 0.
std::optional<double> difference_percent(double measured, double modelled) {
  if (measured == 0) return std::nullopt;
  return 100 * (modelled - measured) / std::abs(measured);
}

// What both have, in long form: points of different metrics do not share a unit.
Table side_by_side(const StudyView& measured, const StudyView& modelled) {
  Table table{"both",
              "At the end",
              "Differences are the model's figure less the measured one, in percent of that.",
              {{"point", "point", Unit::none},
               {"metric", "metric", Unit::none},
               {"unit", "unit", Unit::none},
               {"measured", "measured", Unit::ratio},
               {"modelled", "modelled", Unit::ratio},
               {"difference_percent", "difference", Unit::percent}},
              {}};
  for (const json& point : measured.points)
    for (const std::string& metric : measured.metrics) {
      const json* live = measured.find(metric, point);
      const json* model = modelled.find(metric, point);
      if (live == nullptr || model == nullptr) continue;
      const auto difference =
          difference_percent(last_of(*live).at("mean"), last_of(*model).at("mean"));
      table.rows.push_back({Cell(StudyView::label(point)), Cell(metric),
                            Cell(live->at("unit").get<std::string>()), cell_of(last_of(*live)),
                            cell_of(last_of(*model)), difference ? Cell(*difference) : Cell()});
    }
  return table;
}

void add_line(const json* series, const std::string& name, Chart& chart) {
  if (series == nullptr) return;
  report::Series line{name, {}, {}, {}};
  for (const json& value : series->at("values")) {
    line.x.push_back(value.at("t_seconds"));
    line.y.push_back(value.at("mean"));
  }
  chart.series.push_back(std::move(line));
}

Section over_time(const StudyView& measured, const StudyView& modelled) {
  Section section{"time", "Over time", {}, {}, {}, false};
  for (const std::string& metric : measured.metrics) {
    if (!std::binary_search(modelled.metrics.begin(), modelled.metrics.end(), metric)) continue;
    Chart chart;
    chart.id = short_name(metric);
    chart.title = metric;
    chart.kind = ChartKind::line;
    chart.x_title = "time (s)";
    chart.y_title = short_name(metric);
    chart.unit = report_unit(metric);
    if (const Metric* known = find_metric(metric)) chart.note = known->meaning;
    for (const json& point : measured.points) {
      add_line(measured.find(metric, point), StudyView::label(point) + ", measured", chart);
      add_line(modelled.find(metric, point), StudyView::label(point) + ", modelled", chart);
    }
    section.charts.push_back(std::move(chart));
  }
  return section;
}

std::string headline_words(double value, Unit unit) {
  return unit == Unit::bytes ? fmt::format("{:.0f} MiB", value / (1 << 20))
                             : fmt::format("{:.4g}", value);
}

void answer_both(const StudyView& measured, const StudyView& modelled, report::Document& document) {
  constexpr std::size_t kMostLines = 8;
  const auto headline = measured.study.at("headline").get<std::string>();
  for (const json& point : measured.points) {
    const json* live = measured.find(headline, point);
    const json* model = modelled.find(headline, point);
    if (live == nullptr || model == nullptr || document.answer.size() > kMostLines) continue;
    const double a = last_of(*live).at("mean");
    const double b = last_of(*model).at("mean");
    const Unit unit = report_unit(headline);
    document.answer.push_back(
        fmt::format("{}: {} {} measured, {} modelled ({:+.1f} %).", StudyView::label(point),
                    measured.study.value("headline_words", headline), headline_words(a, unit),
                    headline_words(b, unit), difference_percent(a, b).value_or(0)));
  }
}

}  // namespace

json both_json(json measured, json modelled) {
  return {{"schema", kBothSchema},
          {"scenario", measured.at("scenario")},
          {"measured", std::move(measured)},
          {"modelled", std::move(modelled)}};
}

Result<report::Document> both_document(const json& both) {
  if (both.value("schema", "") != kBothSchema)
    return fail(ErrorCode::bad_input, fmt::format("not a result of schema {}", kBothSchema));
  const StudyView measured(both.at("measured"));
  const StudyView modelled(both.at("modelled"));
  report::Document document;
  document.title =
      fmt::format("Study {}, measured and modelled", both.at("scenario").get<std::string>());
  document.json = both;
  document.provenance = Provenance::measured;
  answer_both(measured, modelled, document);
  for (const StudyView* view : {&measured, &modelled})
    for (const json& warning : view->study.at("warnings"))
      document.warnings.push_back(warning.get<std::string>());
  if (const json& notes = measured.study.at("notes"); !notes.empty())
    document.sections.push_back({"notes", "What stands for what", notes, {}, {}, false});
  document.sections.push_back(
      {"both", "At the end", {}, {side_by_side(measured, modelled)}, {}, false});
  document.sections.push_back(over_time(measured, modelled));
  document.context = {
      {"scenario", both.at("scenario").get<std::string>()},
      {"repeats measured", std::to_string(measured.study.at("repeats").get<std::uint64_t>())}};
  return document;
}

}  // namespace brim::study
