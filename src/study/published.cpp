// SPDX-License-Identifier: Apache-2.0
#include "study/published.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace brim::study {
namespace {

using Type = ParameterType;

constexpr std::array kSelection = std::to_array<Parameter>({
    {"run", Type::text, "", "", "Of [runs]."},
    {"point", Type::count, "", "0", "Of its sweep."},
    {"any_point", Type::boolean, "", "false", "The greatest of all its points in place of one."},
    {"metric", Type::text, "", "", "Or the sum of several: a+b."},
    {"statistic", Type::choice, "", "mean",
     "Of the repeats at t, or of their mean over time; time_sd: how far repeats are apart, on "
     "average; smooth_: of a Bezier curve through it.",
     "mean,sd,highest,time_of_highest,last,time_mean,time_sd,percentile,smooth_highest,"
     "smooth_time_of_highest"},
    {"percent", Type::number, "", "50", "Of percentile.", {}, 0, 100},
    {"t", Type::duration, "", "0s", "When."},
    {"from", Type::duration, "", "0s",
     "Of time_mean, time_sd, percentile and smooth_, which end at t; 0: with the run."},
    {"divide", Type::number, "", "1", "Into the published unit."},
    {"never", Type::number, "", "0",
     "Where the run was made and has no such figure, because it never came to that; 0: not known."},
});

constexpr std::array kFigure = std::to_array<Parameter>({
    {"id", Type::text, "", "", "In the source."},
    {"title", Type::text, "", "", "What it shows."},
    {"run", Type::text, "", "", "Of [runs]: a line for each of its points."},
    {"point", Type::count, "", "0", "Of each of `runs`: a line for each of them."},
    {"metric", Type::text, "", "", "Over time."},
    {"unit", Type::text, "", "", "As published."},
    {"divide", Type::number, "", "1", "Into the published unit."},
    {"until", Type::duration, "", "0s", "What is later isn't drawn; 0: all is."},
    {"smooth", Type::choice, "", "none", "How it was drawn.", "bezier,none"},
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
    {"by",
     Type::number,
     "",
     "0",
     "At least that share (negative: or else up to that on the other side); of `about`, at most.",
     {},
     -10},
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
      {"model_only", Type::boolean, "", "false", "Not run where runs are live."},
      {"modelled", Type::boolean, "", "false", "A model beside live runs, too."},
  });
  constexpr std::array<std::string_view, 2> kOthers{"live", "set"};
  for (const auto& [name, run] : node->table()->members) {
    Settings settings(kRun);
    BRIM_CHECK(settings.read(run, kOthers));
    PublishedRun& read = runs.emplace_back();
    read.name = name;
    read.scenario = settings.get<std::string>("scenario");
    read.live_only = settings.get<bool>("live_only");
    read.modelled = settings.get<bool>("modelled");
    read.model_only = settings.get<bool>("model_only");
    BRIM_TRY(read.sets, texts_at(run, "set"));
    BRIM_TRY(read.live_sets, texts_at(run, "live"));
    if (read.live_only && (read.modelled || read.model_only))
      return fail(ErrorCode::bad_input, "live_only, of what a model is to run", run.place());
  }
  return runs;
}

}  // namespace

Result<PublishedStudy> parse_published(std::string_view text, const std::string& name) {
  constexpr std::array kStudy = std::to_array<Parameter>({
      {"title", Type::text, "", "", "Of the study."},
      {"source", Type::text, "", "", "Where it was published."},
      {"scaled", Type::text, "", "Figures are scaled up, and coarser.", "What less size does."},
  });
  constexpr std::array<std::string_view, 4> kOthers{"runs", "figures", "cells", "claims"};
  BRIM_TRY(const ConfigNode root, parse_config(text, name));
  Settings settings(kStudy);
  BRIM_CHECK(settings.read(root, kOthers));
  PublishedStudy study;
  study.name = name;
  study.title = settings.get<std::string>("title");
  study.source = settings.get<std::string>("source");
  study.scaled = settings.get<std::string>("scaled");
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

}  // namespace brim::study
