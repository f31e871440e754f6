// SPDX-License-Identifier: Apache-2.0
// A sweep's chart over what it varies first.
#include "study/study_document.h"
#include "study/test_area.h"

#include <array>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

ScenarioFile swept(const std::string& sweep) {
  const std::string text = R"(
area = "test"
[mechanism]
policy = "fast"
[[guests]]
[sweep.over]
)" + sweep;
  auto file = ScenarioFile::parse(text, "dir/study.toml", Catalogue(), test::kAreas);
  EXPECT_TRUE(file.has_value()) << (file ? "" : error_line(file.error()));
  return std::move(*file);
}

// At 0, 10, ... 90 s each point records its number times 100, and 1 more a second.
std::vector<Sample> numbered(const ScenarioFile& file) {
  std::vector<Sample> samples;
  for (const Point& point : file.points())
    for (int t = 0; t < 100; t += 10)
      samples.push_back({.metric = "share.ram_bytes",
                         .subject = "",
                         .t_seconds = static_cast<double>(t),
                         .point = point.number,
                         .value = 100.0 * point.number + t,
                         .low = {},
                         .high = {}});
  return samples;
}

std::vector<report::Chart> charts_of(const ScenarioFile& file) {
  const std::vector<Sample> samples = numbered(file);
  const auto document =
      study_document(study_json(file, {.samples = samples, .tasks_done = 1, .tasks = 1}));
  EXPECT_TRUE(document.has_value());
  for (const report::Section& section : document->sections)
    if (section.id == "by_point") return section.charts;
  return {};
}

TEST(ByPoint, Figures_are_means_without_the_first_third_over_what_is_varied_first) {
  const auto charts = charts_of(swept("\"guests.0.count\" = [4, 2]"));
  ASSERT_EQ(charts.size(), 1U);
  EXPECT_EQ(charts[0].x_title, "guests.0.count");
  EXPECT_EQ(charts[0].unit, report::Unit::bytes);
  ASSERT_EQ(charts[0].series.size(), 1U);
  EXPECT_THAT(charts[0].series[0].x, ElementsAre(2, 4)) << "in order, whatever the sweep's";
  // 30 to 90 s count: 60 on average; 2 is the second point.
  EXPECT_THAT(charts[0].series[0].y, ElementsAre(160, 60));
}

TEST(ByPoint, Each_combination_of_what_else_is_varied_has_a_line) {
  const auto charts =
      charts_of(swept("\"guests.0.count\" = [1, 2]\n\"mechanism.policy\" = [\"fast\", \"none\"]"));
  ASSERT_EQ(charts.size(), 1U);
  ASSERT_EQ(charts[0].series.size(), 2U);
  EXPECT_EQ(charts[0].series[0].name, "mechanism.policy=fast");
  EXPECT_THAT(charts[0].series[0].y, ElementsAre(60, 260));
  EXPECT_EQ(charts[0].series[1].name, "mechanism.policy=none");
  EXPECT_THAT(charts[0].series[1].y, ElementsAre(160, 360));
}

TEST(ByPoint, There_is_none_where_what_is_varied_first_is_no_number) {
  EXPECT_THAT(charts_of(swept("\"mechanism.policy\" = [\"fast\", \"none\"]")), IsEmpty());
  EXPECT_THAT(charts_of(swept("\"mechanism.rate\" = [100]")), IsEmpty()) << "one place is no line";
  EXPECT_THAT(charts_of(swept("\"guests.0.count\" = [1, 2]\n\"mechanism.rate\" = [1, 2]\n"
                              "[sweep]\nhow = \"one_at_a_time\"")),
              IsEmpty())
      << "points of different paths";
}

TEST(ByPoint, An_area_chooses_the_metrics) {
  static constexpr auto kChosen =
      std::to_array<std::string_view>({"share.pss_bytes", "share.ram_bytes"});
  static constexpr Area kChoosing = [] {
    Area area = test::kArea;
    area.by_point = kChosen;
    return area;
  }();
  const std::vector<const Area*> areas{&kChoosing};
  const auto file = ScenarioFile::parse(
      "area = \"test\"\n[mechanism]\npolicy = \"none\"\n[[guests]]\n[sweep.over]\n"
      "\"guests.0.count\" = [1, 2]\n",
      "dir/study.toml", Catalogue(), areas);
  ASSERT_TRUE(file.has_value());
  EXPECT_EQ(study_json(*file, {.samples = {}, .tasks_done = 1, .tasks = 1}).at("by_point"),
            nlohmann::json({"share.pss_bytes", "share.ram_bytes"}));
  EXPECT_EQ(charts_of(*file).size(), 1U) << "one was not recorded";
}

}  // namespace
}  // namespace brim::study
