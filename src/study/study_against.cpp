// SPDX-License-Identifier: Apache-2.0
// A study's points held against one another: a table a metric.
#include "study/metric.h"
#include "study/study_view.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Cell;
using report::Section;
using report::Table;
using report::Unit;

Cell ratio_cell(const json& one) {
  if (!one.contains("ratio")) return {};
  const double ratio = one.at("ratio");
  if (!one.contains("ratio_low")) return Cell(ratio);
  return {ratio, Interval{one.at("ratio_low"), one.at("ratio_high")}};
}

std::string verdict_words(const json& one) {
  auto words = one.at("verdict").get<std::string>();
  std::ranges::replace(words, '_', ' ');
  if (one.contains("better")) words += one.at("better").get<bool>() ? ", better" : ", worse";
  return words;
}

// Of medians; earlier versions have none.
Cell difference_cell(const json& one) {
  if (!one.contains("median")) return {};
  return Cell(one.at("median").get<double>() - one.at("median_base").get<double>());
}

// A column more where a bound is all that is known of some repeats.
void add_bounds(const json& comparisons, const std::string& metric, Table& table) {
  std::vector<std::string> words;
  for (const json& one : comparisons)
    if (one.at("metric") == metric) words.push_back(bounds_words(one));
  if (std::ranges::all_of(words, &std::string::empty)) return;
  table.note += " Not seen: repeats that stand with a lower bound, which the value is above.";
  table.columns.push_back({"bounds", "not seen", Unit::none});
  for (std::size_t i = 0; i < words.size(); ++i) table.rows[i].emplace_back(words[i]);
}

Table table_of(const json& comparisons, const std::string& metric, const std::string& against) {
  Table table;
  table.id = "against_" + short_name(metric);
  table.title = metric;
  if (const Metric* known = find_metric(metric)) table.note = std::string(known->meaning) + " ";
  table.note +=
      "Ratio: of geometric means, with Welch's 95 % interval of logarithms, where no value is 0. "
      "Difference: of medians. p: two-sided Mann-Whitney rank test over repeats.";
  const Unit unit = report_unit(metric);
  table.columns = {{"point", "point", Unit::none},  {"n", "repeats", Unit::count},
                   {"mean", "mean", unit},          {"mean_base", "of " + against, unit},
                   {"ratio", "ratio", Unit::ratio}, {"difference", "difference", unit},
                   {"p_value", "p", Unit::ratio},   {"verdict", "against it", Unit::none}};
  for (const json& one : comparisons) {
    if (one.at("metric") != metric) continue;
    table.rows.push_back(
        {Cell(one.at("label").get<std::string>()), Cell(one.at("n").get<std::uint64_t>()),
         Cell(one.at("mean").get<double>()), Cell(one.at("mean_base").get<double>()),
         ratio_cell(one), difference_cell(one),
         one.contains("p_value") ? Cell(one.at("p_value").get<double>()) : Cell(),
         Cell(verdict_words(one))});
  }
  add_bounds(comparisons, metric, table);
  return table;
}

}  // namespace

std::string bounds_words(const json& comparison) {
  const auto own = comparison.value("bounds", std::uint64_t{0});
  const auto base = comparison.value("bounds_base", std::uint64_t{0});
  if (own == 0 && base == 0) return {};
  return fmt::format("{} of {}, there {} of {}", own, comparison.at("n").get<std::uint64_t>(), base,
                     comparison.at("n_base").get<std::uint64_t>());
}

Section against_section(const StudyView& view) {
  Section section{"against", "Held against " + view.against, {}, {}, {}, false};
  std::vector<std::string> metrics;
  for (const json& one : view.comparisons) {
    const auto metric = one.at("metric").get<std::string>();
    if (std::ranges::find(metrics, metric) != metrics.end()) continue;
    metrics.push_back(metric);
    section.tables.push_back(table_of(view.comparisons, metric, view.against));
  }
  return section;
}

}  // namespace brim::study
