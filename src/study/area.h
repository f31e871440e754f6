// SPDX-License-Identifier: Apache-2.0
#pragma once
// What an area of brim lets a scenario say: its mechanisms, loads and guests, each with declared
// parameters. `brim list` prints these tables; scenarios and catalogues are read by them.

#include "study/parameter.h"

#include <span>
#include <string_view>

namespace brim::study {

// One of a kind of things that differ in their parameters: a mechanism, a load.
struct Family {
  std::string_view name;
  std::string_view summary;
  std::span<const Parameter> parameters;
};

// A line of a chart: a metric, or the sum of several ("a+b"); pages are shown as bytes.
struct OverviewLine {
  std::string_view metric;
  std::string_view label;
};
// A chart that puts metrics of one unit side by side, over time.
struct Overview {
  std::string_view title;
  std::span<const OverviewLine> lines;
  std::string_view note;
};

// What a study's answer says of a metric's end, after the headline: "92.0 % of what could be saved
// is saved".
struct Outcome {
  std::string_view metric;
  std::string_view words;
};

struct Area {
  std::string_view name;  // "share"
  std::span<const Parameter> hardware;
  std::span<const Family> mechanisms;    // sorted by name
  std::span<const Family> loads;         // sorted by name
  std::span<const Parameter> guests;     // of one guest of a group
  std::string_view headline;             // the metric a study is about
  std::string_view headline_words;       // "memory behind the guests"
  std::span<const Parameter> live = {};  // [live]: what only runs on this machine look at
  std::span<const Overview> overviews = {};
  std::span<const Outcome> outcomes = {};
  // Metrics that a sweep is charted by, over what it varies first; none: the headline.
  std::span<const std::string_view> by_point = {};
  // Metrics in which a sweep's points are held against one another (study.against), the first one
  // in the answer, too; none: the headline.
  std::span<const std::string_view> compared = {};
};

// Of every scenario, whatever its area.
[[nodiscard]] std::span<const Parameter> study_parameters();     // [study]
[[nodiscard]] std::span<const Parameter> schedule_parameters();  // [schedule]

}  // namespace brim::study
