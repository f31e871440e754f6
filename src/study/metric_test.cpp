// SPDX-License-Identifier: Apache-2.0
#include "study/metric.h"

#include "study/run.h"

#include <algorithm>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace brim::study {
namespace {

TEST(MetricTable, Is_sorted_and_has_no_name_twice) {
  const auto table = metrics();
  ASSERT_FALSE(table.empty());
  for (std::size_t i = 1; i < table.size(); ++i)
    EXPECT_LT(table[i - 1].name, table[i].name) << "at " << i;
}

TEST(MetricTable, Finds_every_entry_and_nothing_else) {
  for (const Metric& metric : metrics()) EXPECT_EQ(find_metric(metric.name), &metric);
  for (const std::string_view name : {"", "share", "share.", "share.zero_page", "share.zero_pagess",
                                      "Share.zero_pages", "~", "a"})
    EXPECT_EQ(find_metric(name), nullptr) << name;
}

TEST(MetricTable, Names_an_area_and_a_plain_key) {
  const std::set<std::string_view> areas = {"share", "translate", "thrash", "napi", "pack"};
  for (const Metric& metric : metrics()) {
    const std::size_t dot = metric.name.find('.');
    ASSERT_NE(dot, std::string_view::npos) << metric.name;
    EXPECT_TRUE(areas.contains(metric.name.substr(0, dot))) << metric.name;
    const std::string_view key = metric.name.substr(dot + 1);
    EXPECT_EQ(key.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_"),
              std::string_view::npos)
        << metric.name;
  }
}

// The unit is in the name wherever the name has one.
TEST(MetricTable, Unit_agrees_with_the_name) {
  for (const Metric& metric : metrics()) {
    EXPECT_FALSE(metric.unit.empty()) << metric.name;
    const auto expect_unit = [&metric](std::string_view ending, std::string_view unit) {
      if (metric.name.ends_with(ending)) {
        EXPECT_EQ(metric.unit, unit) << metric.name;
      }
      return metric.name.ends_with(ending);
    };
    expect_unit("_bytes", "bytes");
    expect_unit("_percent", "percent");
    expect_unit("_seconds", "s");
    if (!expect_unit("_2m_pages", "pages_2m")) expect_unit("_pages", "pages");
  }
}

TEST(MetricTable, Meaning_is_one_sentence) {
  for (const Metric& metric : metrics()) {
    ASSERT_GT(metric.meaning.size(), 10U) << metric.name;
    EXPECT_TRUE(metric.meaning.ends_with('.')) << metric.name;
    EXPECT_EQ(metric.meaning.find(". "), std::string_view::npos) << metric.name;
  }
}

TEST(MetricTable, Times_the_machine_took_are_not_repeatable) {
  for (const Metric& metric : metrics())
    EXPECT_EQ(metric.repeatable == Repeatable::no, metric.name.ends_with("_seconds"))
        << metric.name;
}

TEST(MetricTable, A_lower_bound_is_a_metric_of_the_same_unit) {
  int bounded = 0;
  for (const Metric& metric : metrics()) {
    if (metric.lower_bound.empty()) continue;
    ++bounded;
    const Metric* const bound = find_metric(metric.lower_bound);
    ASSERT_NE(bound, nullptr) << metric.name;
    EXPECT_EQ(bound->unit, metric.unit) << metric.name;
    EXPECT_TRUE(bound->lower_bound.empty()) << metric.name;
  }
  EXPECT_GT(bounded, 0);
}

TEST(RunNames, Read_back_as_what_they_name) {
  for (const RunStatus status : {RunStatus::running, RunStatus::complete, RunStatus::partial,
                                 RunStatus::interrupted, RunStatus::failed})
    EXPECT_EQ(run_status_named(name_of(status)), status);
  EXPECT_FALSE(run_status_named("finished"));
  EXPECT_EQ(provenance_named("modelled"), Provenance::modelled);
  EXPECT_EQ(provenance_named("measured"), Provenance::measured);
  EXPECT_FALSE(provenance_named(""));
}

}  // namespace
}  // namespace brim::study
