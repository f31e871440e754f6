// SPDX-License-Identifier: Apache-2.0
#pragma once
// A published study as data: its tables and claims, with the place in the source and what is
// uncertain there, and by what runs of what scenarios they are held against.
//
//   title, source
//   scaled          what a run at less than the size does to figures
//   [runs.NAME]     scenario = "veiga-kvm-1"; set = ["study.repeats=5"], live = [...] besides where
//                   it is live; live_only = true for what no model can run, model_only = true for
//                   what no live run is for; modelled = true for a model beside live runs, too
//   [[figures]]     id, title, metric, unit, divide, until, smooth, and run: curves over time, a
//                   line for each of its points; or runs = ["kvm-1", ...] and point: a line for
//                   each of them
//   [[cells]]       table, row, column, unit, published, role, place; and where ours comes from:
//                   run, point, metric ("a" or "a+b"), statistic, from, t, divide
//   [[claims]]      id, text, place; not_decidable = "why" (not_live, not_modelled: of such runs),
//   or
//   [[claims.checks]]  relation, by; left = {run, ...}, right = {run, ...} or value = 30
//
// A cell's role says what our figure is: a `calibration` was fitted to the published one, an
// `assumption` has nothing to stand on, a `prediction` is what the model is judged by.

#include "base/provenance.h"
#include "base/result.h"
#include "study/config.h"
#include "study/parameter.h"
#include "study/series.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

// A figure of a run's series.
struct Selection {
  // run, point, any_point, metric, statistic, percent, from, t, divide, never
  Settings settings;
};

struct PublishedCell {
  Settings settings;  // table, row, column, unit, published, role, error_kind, place, uncertain
  Selection ours;
};

struct ClaimCheck {
  Settings settings;  // relation, by, value
  Selection left;
  std::optional<Selection> right;  // none: value
};

struct PublishedClaim {
  Settings settings;  // id, text, place, not_decidable, not_live, not_modelled
  std::vector<ClaimCheck> checks;
};

struct PublishedFigure {
  Settings settings;              // id, title, run, point, metric, unit, divide, until, smooth
  std::vector<std::string> runs;  // none: run
};

struct PublishedRun {
  std::string name;
  std::string scenario;
  std::vector<std::string> sets;
  std::vector<std::string> live_sets;
  bool live_only = false;
  bool model_only = false;
  bool modelled = false;
};

struct PublishedStudy {
  std::string name;
  std::string title;
  std::string source;
  std::string scaled;
  std::vector<PublishedRun> runs;
  std::vector<PublishedFigure> figures;
  std::vector<PublishedCell> cells;
  std::vector<PublishedClaim> claims;
};

[[nodiscard]] Result<PublishedStudy> parse_published(std::string_view text,
                                                     const std::string& name);

// What one of the runs gave.
using SeriesByRun = std::map<std::string, std::vector<TimeSeries>, std::less<>>;
// What the points of its sweep are called.
using LabelsByRun = std::map<std::string, std::vector<std::string>, std::less<>>;

struct Figure {
  double value = 0;
  std::size_t n = 0;  // repeats behind it
};
// Nothing where the run has no such figure.
[[nodiscard]] std::optional<Figure> figure_of(const Selection& selection, const SeriesByRun& runs);

enum class ClaimStatus : std::uint8_t { held, failed, not_decidable };
[[nodiscard]] std::string_view name_of(ClaimStatus status);

struct ClaimVerdict {
  ClaimStatus status = ClaimStatus::not_decidable;
  std::vector<std::string> evidence;  // a check each: "kvm-1, point 0: 1,016 < 1,103 ... held"
};
// Of measured runs, checks that need one which can't be live are left out.
[[nodiscard]] ClaimVerdict judge(const PublishedClaim& claim, const SeriesByRun& runs,
                                 Provenance of_runs);

}  // namespace brim::study
