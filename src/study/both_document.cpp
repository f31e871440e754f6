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

// A comparison of the other study: of the same metric and point.
const json* same_of(const json& comparisons, const json& one) {
  for (const json& other : comparisons)
    if (other.at("metric") == one.at("metric") && other.at("label") == one.at("label"))
      return &other;
  return nullptr;
}

// What tells a model that is right from one that is not: a ratio within so much of the measured.
constexpr double kCloseRatio = 0.3;

bool is_close(const json& live, double model) {
  const double ratio = live.at("ratio");
  if (std::abs(model - ratio) <= kCloseRatio * ratio) return true;
  return live.contains("ratio_low") && model >= live.at("ratio_low").get<double>() &&
         model <= live.at("ratio_high").get<double>();
}

Table ratios_side_by_side(const StudyView& measured, const StudyView& modelled) {
  Table table{"ratios",
              "Held against " + measured.against,
              "Ratios of geometric means. The model's is close where it is within 30 % of the "
              "measured one, or within that one's interval.",
              {{"point", "point", Unit::none},
               {"metric", "metric", Unit::none},
               {"measured", "measured", Unit::ratio},
               {"modelled", "modelled", Unit::ratio},
               {"close", "close", Unit::none}},
              {}};
  for (const json& live : measured.comparisons) {
    const json* model = same_of(modelled.comparisons, live);
    if (model == nullptr || !live.contains("ratio") || !model->contains("ratio")) continue;
    Cell ratio(live.at("ratio").get<double>());
    if (live.contains("ratio_low"))
      ratio.interval = Interval{live.at("ratio_low"), live.at("ratio_high")};
    table.rows.push_back({Cell(live.at("label").get<std::string>()),
                          Cell(live.at("metric").get<std::string>()), std::move(ratio),
                          Cell(model->at("ratio").get<double>()),
                          Cell(is_close(live, model->at("ratio")))});
  }
  return table;
}

// Of the study's chief metric: pairs of points that stand against the same one and whose measured
// ratios differ beyond their intervals, and how many of them the model puts in the same order.
void answer_ranking(const StudyView& measured, const StudyView& modelled,
                    report::Document& document) {
  std::vector<std::pair<const json*, const json*>> both;
  for (const json& live : measured.comparisons) {
    const json* model = same_of(modelled.comparisons, live);
    if (model == nullptr || live.at("metric") != measured.comparisons.front().at("metric") ||
        !live.contains("ratio_low") || !model->contains("ratio"))
      continue;
    both.emplace_back(&live, model);
  }
  std::size_t apart = 0;
  std::size_t alike = 0;
  for (std::size_t i = 0; i < both.size(); ++i)
    for (std::size_t k = i + 1; k < both.size(); ++k) {
      const auto& [live_a, model_a] = both[i];
      const auto& [live_b, model_b] = both[k];
      if (live_a->at("base") != live_b->at("base")) continue;
      const bool a_below = live_a->at("ratio_high") < live_b->at("ratio_low");
      const bool b_below = live_b->at("ratio_high") < live_a->at("ratio_low");
      if (!a_below && !b_below) continue;
      ++apart;
      alike += (model_a->at("ratio") < model_b->at("ratio")) == a_below ? 1 : 0;
    }
  if (apart > 0)
    document.answer.push_back(
        fmt::format("Ranking: the model puts {} of {} pairs of points in the order in which they "
                    "were measured beyond their intervals.",
                    alike, apart));
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
  answer_ranking(measured, modelled, document);
  for (const StudyView* view : {&measured, &modelled})
    for (const json& warning : view->study.at("warnings"))
      document.warnings.push_back(warning.get<std::string>());
  if (const json& notes = measured.study.at("notes"); !notes.empty())
    document.sections.push_back({"notes", "What stands for what", notes, {}, {}, false});
  if (Table ratios = ratios_side_by_side(measured, modelled); !ratios.rows.empty())
    document.sections.push_back(
        {"ratios", "Held against " + measured.against, {}, {std::move(ratios)}, {}, false});
  document.sections.push_back(
      {"both", "At the end", {}, {side_by_side(measured, modelled)}, {}, false});
  document.sections.push_back(over_time(measured, modelled));
  document.context = {
      {"scenario", both.at("scenario").get<std::string>()},
      {"repeats measured", std::to_string(measured.study.at("repeats").get<std::uint64_t>())}};
  return document;
}

}  // namespace brim::study
