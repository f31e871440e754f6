// SPDX-License-Identifier: Apache-2.0
// What a comparison says: its answer in words, its table, its JSON form.
#include "base/text.h"
#include "base/utf8.h"
#include "study/compare.h"
#include "study/metric.h"
#include "study/run_json.h"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

namespace brim::study {
namespace {

using nlohmann::json;
using report::Cell;
using report::Unit;

std::string words_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::higher:
      return "higher";
    case Verdict::lower:
      return "lower";
    case Verdict::no_difference_seen:
      return "no difference seen";
    case Verdict::too_few:
      return "too few samples to tell";
  }
  return {};
}

std::string title_of(const RunInfo& info) {
  return fmt::format("run {}{}", info.id,
                     info.label.empty() ? "" : fmt::format(" ({})", valid_utf8(info.label)));
}

json row_json(const MetricComparison& row) {
  return {{"metric", row.metric},
          {"unit", unit_of(row.metric)},
          {"subject", valid_utf8(row.subject)},
          {"point", row.point},
          {"n_a", row.a.n},
          {"n_b", row.b.n},
          {"mean_a", json_number(row.a.mean)},
          {"mean_b", json_number(row.b.mean)},
          {"sd_a", row.a.n < 2 ? json(nullptr) : json_number(row.a.sample_sd)},
          {"sd_b", row.b.n < 2 ? json(nullptr) : json_number(row.b.sample_sd)},
          {"difference", json_number(row.difference)},
          {"difference_percent",
           row.difference_percent ? json_number(*row.difference_percent) : json(nullptr)},
          {"interval_low", row.interval ? json_number(row.interval->low) : json(nullptr)},
          {"interval_high", row.interval ? json_number(row.interval->high) : json(nullptr)},
          {"p_value", row.rank_test ? json_number(row.rank_test->p_value) : json(nullptr)},
          {"rank_test_exact", row.rank_test ? json(row.rank_test->exact) : json(nullptr)},
          {"verdict", name_of(row.verdict)}};
}

Cell optional_cell(const std::optional<double>& value) { return value ? Cell(*value) : Cell(); }

std::vector<Cell> row_cells(const MetricComparison& row) {
  Cell difference(row.difference);
  difference.interval = row.interval;
  return {Cell(row.metric),
          Cell(std::string(unit_of(row.metric))),
          Cell(row.subject.empty() ? std::string("total") : valid_utf8(row.subject)),
          Cell(std::uint64_t{row.point}),
          Cell(std::uint64_t{row.a.n}),
          Cell(std::uint64_t{row.b.n}),
          Cell(row.a.mean),
          Cell(row.b.mean),
          std::move(difference),
          optional_cell(row.difference_percent),
          row.rank_test ? Cell(row.rank_test->p_value) : Cell(),
          Cell(words_of(row.verdict))};
}

// Takes a column out that says the same in every row.
void drop_column(report::Table& table, std::string_view key) {
  const auto column = std::find_if(table.columns.begin(), table.columns.end(),
                                   [key](const report::Column& one) { return one.key == key; });
  const auto at = column - table.columns.begin();
  table.columns.erase(column);
  for (std::vector<Cell>& row : table.rows) row.erase(row.begin() + at);
}

report::Table comparison_table(const std::vector<MetricComparison>& rows) {
  report::Table table;
  table.id = "metrics";
  table.title = "Metrics of both runs";
  table.note =
      "Difference: mean of b less mean of a, with Welch's 95 % interval. p: two-sided Mann-Whitney "
      "rank test. Both take samples as independent; samples of one run over time are not quite, "
      "and "
      "their intervals come out too narrow: repeat the run to make sure.";
  table.columns = {{"metric", "metric", Unit::none},
                   {"unit", "unit", Unit::none},
                   {"subject", "subject", Unit::none},
                   {"point", "point", Unit::count},
                   {"n_a", "n of a", Unit::count},
                   {"n_b", "n of b", Unit::count},
                   {"mean_a", "mean of a", Unit::none},
                   {"mean_b", "mean of b", Unit::none},
                   {"difference", "difference", Unit::none},
                   {"difference_percent", "difference", Unit::percent},
                   {"p_value", "p", Unit::none},
                   {"verdict", "b against a", Unit::none}};
  for (const MetricComparison& row : rows) table.rows.push_back(row_cells(row));
  const auto all = [&rows](auto&& is) { return std::all_of(rows.begin(), rows.end(), is); };
  if (all([](const MetricComparison& row) { return row.subject.empty(); }))
    drop_column(table, "subject");
  if (all([](const MetricComparison& row) { return row.point == 0; })) drop_column(table, "point");
  return table;
}

std::size_t count_of(const std::vector<MetricComparison>& rows, Verdict verdict) {
  return static_cast<std::size_t>(
      std::count_if(rows.begin(), rows.end(),
                    [verdict](const MetricComparison& row) { return row.verdict == verdict; }));
}

// "share.pss_bytes is lower: 716,000 -> 409,000 (-42.9 %), better".
std::string finding(const MetricComparison& row) {
  std::string line = row.metric;
  if (!row.subject.empty()) line += " of " + valid_utf8(row.subject);
  line += fmt::format(" is {}: {:.6g} -> {:.6g}", words_of(row.verdict), row.a.mean, row.b.mean);
  if (row.difference_percent) line += fmt::format(" ({:+.1f} %)", *row.difference_percent);
  const Metric* known = find_metric(row.metric);
  if (known == nullptr || known->direction == Direction::neither) return line;
  const bool more = row.verdict == Verdict::higher;
  return line + (more == (known->direction == Direction::more_is_better) ? ", better" : ", worse");
}

void answer(report::Document& document, const std::vector<MetricComparison>& rows) {
  if (rows.empty()) {
    document.answer.emplace_back("The two runs have no metric in common.");
    return;
  }
  const std::size_t differ = count_of(rows, Verdict::higher) + count_of(rows, Verdict::lower);
  const std::size_t unseen = count_of(rows, Verdict::no_difference_seen);
  const std::size_t too_few = count_of(rows, Verdict::too_few);
  if (differ == 0 && unseen > 0) document.answer.emplace_back("No difference seen.");
  document.answer.push_back(fmt::format(
      "Of {} metrics: {} differ, no difference seen in {}, too few samples to tell for {}.",
      rows.size(), differ, unseen, too_few));
  for (const MetricComparison& row : rows)
    if (row.verdict == Verdict::higher || row.verdict == Verdict::lower)
      document.answer.push_back(finding(row));
  if (too_few > 0)
    document.warnings.emplace_back(
        "Too few samples: a difference can be told from chance with at least 4 samples in each "
        "run.");
  if (const std::size_t tested = differ + unseen; differ > 0 && tested >= 10)
    document.warnings.push_back(fmt::format(
        "{} metrics were tested at 5 %: up to about {:.0f} could differ by chance alone.", tested,
        0.05 * static_cast<double>(tested)));
}

// What only one of the runs has, so that nothing is passed over in silence.
void name_the_unmatched(report::Document& document, std::string_view what,
                        const std::set<std::string>& in_a, const std::set<std::string>& in_b,
                        const std::string& key) {
  const auto only = [&](const std::set<std::string>& in, const std::set<std::string>& not_in,
                        std::string_view run) {
    json list = json::array();
    for (const std::string& name : in)
      if (!not_in.contains(name)) list.push_back(valid_utf8(name));
    if (!list.empty())
      document.warnings.push_back(fmt::format("{} {} only in run {}: {}{}", list.size(), what, run,
                                              list.front().get<std::string>(),
                                              list.size() > 1 ? " ..." : ""));
    document.json[fmt::format("{}_{}", key, run)] = std::move(list);
  };
  only(in_a, in_b, "a");
  only(in_b, in_a, "b");
}

std::set<std::string> metrics_of(const Run& run) {
  std::set<std::string> all;
  for (const Sample& sample : run.samples) all.insert(sample.metric);
  return all;
}

std::set<std::string> subjects_of(const Run& run) {
  std::set<std::string> all;
  for (const Sample& sample : run.samples)
    if (!sample.subject.empty()) all.insert(sample.subject);
  return all;
}

void name_what_did_not_complete(report::Document& document, std::string_view key,
                                RunStatus status) {
  static constexpr std::string_view kFigures = "figures cover what was read until then";
  switch (status) {
    case RunStatus::complete:
      return;
    case RunStatus::running:
      document.warnings.push_back(fmt::format("Run {} is still running.", key));
      return;
    case RunStatus::partial:
      document.warnings.push_back(fmt::format("Run {} is partial: {}.", key, kFigures));
      return;
    case RunStatus::interrupted:
      document.warnings.push_back(fmt::format("Run {} was interrupted: {}.", key, kFigures));
      return;
    case RunStatus::failed:
      document.warnings.push_back(fmt::format("Run {} failed: {}.", key, kFigures));
      return;
  }
}

void name_the_differences_of_context(report::Document& document, const Run& a, const Run& b) {
  if (a.info.command != b.info.command)
    document.warnings.push_back(fmt::format("The runs are of different commands: '{}' and '{}'.",
                                            valid_utf8(a.info.command),
                                            valid_utf8(b.info.command)));
  if (a.info.provenance != b.info.provenance)
    document.warnings.push_back(fmt::format("Run a is {}, run b is {}.", name_of(a.info.provenance),
                                            name_of(b.info.provenance)));
  const json context_a = parsed_or_null(a.info.context_json);
  const json context_b = parsed_or_null(b.info.context_json);
  if (!context_a.is_object() || !context_b.is_object()) return;
  // What two runs on one machine differ in anyway says nothing about the hosts.
  static constexpr std::array<std::string_view, 2> kOfTheMoment = {"load1", "boot_id"};
  json both = context_a;
  both.update(context_b);
  std::string differing;
  for (const auto& [key, value] : both.items()) {
    if (std::find(kOfTheMoment.begin(), kOfTheMoment.end(), key) != kOfTheMoment.end()) continue;
    if (!context_a.contains(key) || context_a[key] != value || !context_b.contains(key))
      differing += (differing.empty() ? "" : ", ") + key;
  }
  if (!differing.empty())
    document.warnings.push_back("The hosts' contexts differ in: " + differing + ".");
}

}  // namespace

report::Document comparison_document(const Run& a, const Run& b, bool total_only) {
  const std::vector<MetricComparison> rows = compare(a, b, total_only);
  report::Document document;
  document.title = fmt::format("{} (a) and {} (b)", title_of(a.info), title_of(b.info));
  document.provenance = Provenance::computed;
  document.json = {{"schema", "brim.compare/1"},
                   {"a", run_json(a.info)},
                   {"b", run_json(b.info)},
                   {"metrics", json::array()}};
  for (const MetricComparison& row : rows) document.json["metrics"].push_back(row_json(row));
  answer(document, rows);
  name_what_did_not_complete(document, "a", a.info.status);
  name_what_did_not_complete(document, "b", b.info.status);
  name_the_unmatched(document, "metrics", metrics_of(a), metrics_of(b), "only_in");
  if (!total_only)
    name_the_unmatched(document, "subjects", subjects_of(a), subjects_of(b), "subjects_only_in");
  name_the_differences_of_context(document, a, b);
  for (const auto& [key, run] : {std::pair{"a", &a}, std::pair{"b", &b}})
    document.context.emplace_back(
        key,
        fmt::format("{}, {}, {}, started {}", title_of(run->info), valid_utf8(run->info.command),
                    name_of(run->info.status), iso_time(run->info.started)));
  document.json["warnings"] = document.warnings;
  report::Section section;
  section.id = "comparison";
  section.title = "Comparison";
  section.tables.push_back(comparison_table(rows));
  document.sections.push_back(std::move(section));
  return document;
}

}  // namespace brim::study
