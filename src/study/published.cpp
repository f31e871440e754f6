// SPDX-License-Identifier: Apache-2.0
#include "study/published.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <fmt/format.h>

namespace brim::study {
namespace {

using Type = ParameterType;

constexpr std::array kSelection = std::to_array<Parameter>({
    {"run", Type::text, "", "", "Of [runs]."},
    {"point", Type::count, "", "0", "Of its sweep."},
    {"metric", Type::text, "", "", "Or the sum of several: a+b."},
    {"statistic", Type::choice, "", "mean", "Of the repeats at t, or of their mean over time.",
     "mean,sd,highest,time_of_highest,last,time_mean"},
    {"t", Type::duration, "", "0s", "When."},
    {"from", Type::duration, "", "0s", "Of time_mean, which ends at t."},
    {"divide", Type::number, "", "1", "Into the published unit."},
});

constexpr std::array kFigure = std::to_array<Parameter>({
    {"id", Type::text, "", "", "In the source."},
    {"title", Type::text, "", "", "What it shows."},
    {"run", Type::text, "", "", "Of [runs]: a line for each of its points."},
    {"point", Type::count, "", "0", "Of each of `runs`: a line for each of them."},
    {"metric", Type::text, "", "", "Over time."},
    {"unit", Type::text, "", "", "As published."},
    {"divide", Type::number, "", "1", "Into the published unit."},
});

constexpr std::array kCell = std::to_array<Parameter>({
    {"table", Type::text, "", "", "In the source."},
    {"row", Type::text, "", "", "In the source."},
    {"column", Type::text, "", "", "In the source."},
    {"unit", Type::text, "", "", "As published."},
    {"published", Type::number, "", "0", "The figure.", {}, -1e18},
    {"role", Type::choice, "", "prediction", "What ours is.", "calibration,prediction,assumption"},
    {"error_kind", Type::choice, "", "relative", "How they are compared.", "relative,points"},
    {"place", Type::text, "", "", "Where in the source."},
    {"uncertain", Type::text, "", "", "What is not clear about it."},
});

constexpr std::array kClaim = std::to_array<Parameter>({
    {"id", Type::text, "", "", "Short."},
    {"text", Type::text, "", "", "One sentence."},
    {"place", Type::text, "", "", "Where in the source."},
    {"not_decidable", Type::text, "", "", "Why not, where brim can't tell."},
    {"not_live", Type::text, "", "", "Why a live run can't tell, where the model can."},
    {"not_modelled", Type::text, "", "", "Why the model can't tell, where a live run can."},
});

constexpr std::array kCheck = std::to_array<Parameter>({
    {"relation", Type::choice, "", "less", "Of left to right.", "less,more,about"},
    {"by", Type::number, "", "0", "At least that share; of `about`, at most."},
    {"value", Type::number, "", "0", "In place of right."},
    {"not_live", Type::boolean, "", "false", "Left out where runs are measured."},
});

template <std::size_t N>
std::vector<std::string_view> keys_of(const std::array<Parameter, N>& parameters) {
  std::vector<std::string_view> keys(N);
  std::transform(parameters.begin(), parameters.end(), keys.begin(),
                 [](const Parameter& parameter) { return parameter.key; });
  return keys;
}

Result<Selection> read_selection(const ConfigNode& node, std::span<const std::string_view> others) {
  Selection selection{Settings(kSelection)};
  BRIM_CHECK(selection.settings.read(node, others));
  return selection;
}

Result<PublishedCell> read_cell(const ConfigNode& node) {
  PublishedCell cell{Settings(kCell), {}};
  const auto own = keys_of(kCell);
  const auto selected = keys_of(kSelection);
  BRIM_CHECK(cell.settings.read(node, selected));
  BRIM_TRY(cell.ours, read_selection(node, own));
  return cell;
}

Result<ClaimCheck> read_check(const ConfigNode& node) {
  constexpr std::array<std::string_view, 2> kSides{"left", "right"};
  ClaimCheck check{Settings(kCheck), {}, std::nullopt};
  BRIM_CHECK(check.settings.read(node, kSides));
  const ConfigNode* left = node.table()->find("left");
  if (left == nullptr)
    return fail(ErrorCode::bad_input, "a check needs left = { run = ... }", node.place());
  BRIM_TRY(check.left, read_selection(*left, {}));
  if (const ConfigNode* right = node.table()->find("right")) {
    BRIM_TRY(check.right, read_selection(*right, {}));
  }
  return check;
}

Result<std::vector<const ConfigNode*>> list_at(const ConfigNode& node, std::string_view key) {
  std::vector<const ConfigNode*> items;
  const ConfigNode* found = node.table()->find(key);
  if (found == nullptr) return items;
  if (found->list() == nullptr)
    return fail(ErrorCode::bad_input, fmt::format("{}: expected a list", key), found->place());
  for (const ConfigNode& item : *found->list()) items.push_back(&item);
  return items;
}

Result<PublishedClaim> read_claim(const ConfigNode& node) {
  constexpr std::array<std::string_view, 1> kOthers{"checks"};
  PublishedClaim claim{Settings(kClaim), {}};
  BRIM_CHECK(claim.settings.read(node, kOthers));
  BRIM_TRY(const auto checks, list_at(node, "checks"));
  for (const ConfigNode* check : checks) {
    BRIM_TRY(claim.checks.emplace_back(), read_check(*check));
  }
  if (claim.checks.empty() && claim.settings.get<std::string>("not_decidable").empty())
    return fail(ErrorCode::bad_input, "a claim needs checks, or not_decidable = \"why\"",
                node.place());
  return claim;
}

Result<std::vector<std::string>> texts_at(const ConfigNode& node, std::string_view key) {
  std::vector<std::string> texts;
  BRIM_TRY(const auto items, list_at(node, key));
  for (const ConfigNode* item : items) {
    if (item->text() == nullptr)
      return fail(ErrorCode::bad_input, fmt::format("{}: expected texts", key), item->place());
    texts.push_back(*item->text());
  }
  return texts;
}

Result<PublishedFigure> read_figure(const ConfigNode& node) {
  constexpr std::array<std::string_view, 1> kOthers{"runs"};
  PublishedFigure figure{Settings(kFigure), {}};
  BRIM_CHECK(figure.settings.read(node, kOthers));
  BRIM_TRY(figure.runs, texts_at(node, "runs"));
  return figure;
}

Result<std::vector<PublishedRun>> read_runs(const ConfigNode& root) {
  std::vector<PublishedRun> runs;
  const ConfigNode* node = root.table()->find("runs");
  if (node == nullptr || node->table() == nullptr)
    return fail(ErrorCode::bad_input, "runs: expected tables [runs.NAME]", root.place());
  constexpr std::array kRun = std::to_array<Parameter>({
      {"scenario", Type::text, "", "", "Its name."},
      {"live_only", Type::boolean, "", "false", "No model can run it."},
  });
  constexpr std::array<std::string_view, 1> kOthers{"set"};
  for (const auto& [name, run] : node->table()->members) {
    Settings settings(kRun);
    BRIM_CHECK(settings.read(run, kOthers));
    PublishedRun& read = runs.emplace_back();
    read.name = name;
    read.scenario = settings.get<std::string>("scenario");
    read.live_only = settings.get<bool>("live_only");
    BRIM_TRY(read.sets, texts_at(run, "set"));
  }
  return runs;
}

std::vector<std::string> parts_of(std::string_view sum) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t plus = std::min(sum.find('+'), sum.size());
    parts.emplace_back(sum.substr(0, plus));
    if (plus == sum.size()) return parts;
    sum.remove_prefix(plus + 1);
  }
}

const TimedSummary& at_time(const TimeSeries& series, double t) {
  return *std::min_element(series.values.begin(), series.values.end(),
                           [t](const auto& a, const auto& b) {
                             return std::abs(a.t_seconds - t) < std::abs(b.t_seconds - t);
                           });
}

double seconds_of(const Settings& settings, std::string_view key) {
  return std::chrono::duration<double>(settings.get<std::chrono::nanoseconds>(key)).count();
}

// Over the samples of a stretch of time; nothing where there are none.
std::optional<Figure> time_mean(const TimeSeries& series, double from, double until) {
  double sum = 0;
  std::size_t samples = 0;
  std::size_t repeats = 0;
  for (const TimedSummary& value : series.values) {
    if (value.t_seconds < from || value.t_seconds > until) continue;
    sum += value.summary.mean;
    repeats = samples == 0 ? value.summary.n : std::min(repeats, value.summary.n);
    ++samples;
  }
  if (samples == 0) return std::nullopt;
  return Figure{sum / static_cast<double>(samples), repeats};
}

std::optional<Figure> figure_in(const TimeSeries& series, const Settings& settings) {
  const auto& statistic = settings.get<std::string>("statistic");
  const double t = seconds_of(settings, "t");
  if (statistic == "time_mean") return time_mean(series, seconds_of(settings, "from"), t);
  const TimedSummary& at = statistic == "last" ? series.values.back() : at_time(series, t);
  if (statistic == "mean" || statistic == "last") return Figure{at.summary.mean, at.summary.n};
  if (statistic == "sd") return Figure{at.summary.sample_sd, at.summary.n};
  const TimedSummary& highest = series.highest();
  return Figure{statistic == "highest" ? highest.summary.mean : highest.t_seconds,
                highest.summary.n};
}

std::string words(const Selection& selection, const std::optional<Figure>& figure) {
  const Settings& settings = selection.settings;
  return fmt::format("{} point {} {} {}", settings.get<std::string>("run"),
                     settings.get<std::uint64_t>("point"), settings.get<std::string>("statistic"),
                     figure ? fmt::format("{:.4g}", figure->value) : "missing");
}

bool holds(const Settings& check, double left, double right) {
  const auto& relation = check.get<std::string>("relation");
  const double by = check.get<double>("by");
  if (relation == "less") return left < right * (1 - by);
  if (relation == "more") return left > right * (1 + by);
  return std::abs(left - right) <= by * std::abs(right);
}

}  // namespace

Result<PublishedStudy> parse_published(std::string_view text, const std::string& name) {
  constexpr std::array kStudy = std::to_array<Parameter>({
      {"title", Type::text, "", "", "Of the study."},
      {"source", Type::text, "", "", "Where it was published."},
  });
  constexpr std::array<std::string_view, 4> kOthers{"runs", "figures", "cells", "claims"};
  BRIM_TRY(const ConfigNode root, parse_config(text, name));
  Settings settings(kStudy);
  BRIM_CHECK(settings.read(root, kOthers));
  PublishedStudy study;
  study.name = name;
  study.title = settings.get<std::string>("title");
  study.source = settings.get<std::string>("source");
  BRIM_TRY(study.runs, read_runs(root));
  BRIM_TRY(const auto figures, list_at(root, "figures"));
  for (const ConfigNode* figure : figures) {
    BRIM_TRY(study.figures.emplace_back(), read_figure(*figure));
  }
  BRIM_TRY(const auto cells, list_at(root, "cells"));
  for (const ConfigNode* cell : cells) {
    BRIM_TRY(study.cells.emplace_back(), read_cell(*cell));
  }
  BRIM_TRY(const auto claims, list_at(root, "claims"));
  for (const ConfigNode* claim : claims) {
    BRIM_TRY(study.claims.emplace_back(), read_claim(*claim));
  }
  return study;
}

std::optional<Figure> figure_of(const Selection& selection, const SeriesByRun& runs) {
  const Settings& settings = selection.settings;
  const auto run = runs.find(settings.get<std::string>("run"));
  if (run == runs.end()) return std::nullopt;
  const auto point = static_cast<std::uint32_t>(settings.get<std::uint64_t>("point"));
  Figure sum;
  for (const std::string& metric : parts_of(settings.get<std::string>("metric"))) {
    const TimeSeries* series = find_series(run->second, metric, "", point);
    if (series == nullptr) return std::nullopt;
    const auto figure = figure_in(*series, settings);
    if (!figure) return std::nullopt;
    sum.value += figure->value;
    sum.n = figure->n;
  }
  sum.value /= settings.get<double>("divide");
  return sum;
}

std::string_view name_of(ClaimStatus status) {
  switch (status) {
    case ClaimStatus::held:
      return "held";
    case ClaimStatus::failed:
      return "failed";
    case ClaimStatus::not_decidable:
      break;
  }
  return "not_decidable";
}

ClaimVerdict judge(const PublishedClaim& claim, const SeriesByRun& runs, Provenance of_runs) {
  const bool live = of_runs == Provenance::measured;
  ClaimVerdict verdict;
  for (const char* key : {"not_decidable", live ? "not_live" : "not_modelled"}) {
    const auto& why = claim.settings.get<std::string>(key);
    if (why.empty()) continue;
    verdict.evidence.push_back(why);
    return verdict;
  }
  verdict.status = ClaimStatus::held;
  for (const ClaimCheck& check : claim.checks) {
    const auto left = figure_of(check.left, runs);
    const auto right = check.right ? figure_of(*check.right, runs)
                                   : std::optional(Figure{check.settings.get<double>("value"), 0});
    const bool known = left && right;
    if (live && (!known || check.settings.get<bool>("not_live"))) continue;
    const bool held = known && holds(check.settings, left->value, right->value);
    verdict.evidence.push_back(fmt::format(
        "{} {} {}: {}", words(check.left, left), check.settings.get<std::string>("relation"),
        check.right ? words(*check.right, right) : fmt::format("{:g}", right->value),
        known ? (held ? "held" : "failed") : "not run"));
    if (!known && verdict.status == ClaimStatus::held) verdict.status = ClaimStatus::not_decidable;
    if (known && !held) verdict.status = ClaimStatus::failed;
  }
  if (verdict.evidence.empty()) {
    verdict.status = ClaimStatus::not_decidable;
    verdict.evidence.emplace_back("nothing of it can run live");
  }
  return verdict;
}

}  // namespace brim::study
