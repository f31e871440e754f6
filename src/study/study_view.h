// SPDX-License-Identifier: Apache-2.0
#pragma once
// A study's JSON as its document is drawn from it. Internal to study_document.cpp and its sections.

#include "report/document.h"

#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::study {

struct StudyView {
  const nlohmann::json& study;
  const nlohmann::json& points;
  const nlohmann::json& series;
  nlohmann::json overviews;  // none in runs of earlier versions
  nlohmann::json outcomes;
  std::vector<std::string> by_point;  // metrics: the headline where nothing is said
  std::string against;                // "mechanism.control=none"; empty: nothing is
  nlohmann::json comparisons;         // with it
  std::vector<std::string> metrics;   // that the total has, sorted

  explicit StudyView(const nlohmann::json& whole);
  // Null where there is none.
  [[nodiscard]] const nlohmann::json* find(const std::string& metric, const nlohmann::json& point,
                                           const std::string& subject = {}) const;
  // Those that have figures of their own, in the order of the JSON.
  [[nodiscard]] std::vector<std::string> subjects() const;
  [[nodiscard]] static std::string label(const nlohmann::json& point);
};

[[nodiscard]] report::Unit report_unit(std::string_view metric);
// "share.ram_bytes" as "ram_bytes".
[[nodiscard]] std::string short_name(const std::string& metric);
// A mean, with its interval where it has one.
[[nodiscard]] report::Cell cell_of(const nlohmann::json& value);

// What the study is about, at the end: a row a point.
[[nodiscard]] report::Section end_section(const StudyView& view);
// The area's overviews: a chart each, of every point while those are few.
[[nodiscard]] report::Section overview_section(const StudyView& view);
// Means over what was varied first, where that is a number: a chart a metric, a line for each
// combination of what else was varied.
[[nodiscard]] report::Section by_point_section(const StudyView& view);
// Points held against one another: a table a metric.
[[nodiscard]] report::Section against_section(const StudyView& view);
// "0 of 5, there 5 of 5": of how many repeats a lower bound is all that is known; empty: of none.
[[nodiscard]] std::string bounds_words(const nlohmann::json& comparison);
// What was told by phase of a run: before, during and after what it is about.
[[nodiscard]] report::Section phases_section(const StudyView& view);
// A row a guest.
[[nodiscard]] report::Section guests_section(const StudyView& view);
// Every metric of the total over time, and all figures at the end in one long table.
[[nodiscard]] report::Section time_section(const StudyView& view);
[[nodiscard]] report::Section figures_section(const StudyView& view);

}  // namespace brim::study
