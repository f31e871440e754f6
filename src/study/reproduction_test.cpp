// SPDX-License-Identifier: Apache-2.0
#include "study/reproduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using nlohmann::json;

constexpr std::string_view kStudy = R"(
title = "a study"
source = "somebody, 2009"
scaled = "All is coarser."
[runs.base]
scenario = "veiga-kvm-1"
live = ["live.speed=1"]
[runs.beside]
scenario = "veiga-kvm-1"
modelled = true
[[figures]]
id = "5.2"
title = "as sampled"
run = "base"
metric = "thrash.user_cpu_percent"
unit = "%"
[[figures]]
id = "5.4"
title = "as drawn"
run = "base"
metric = "thrash.user_cpu_percent"
unit = "%"
until = "200s"
smooth = "bezier"
)";

SeriesByRun jagged() {
  TimeSeries series{"thrash.user_cpu_percent", "", 0, {}};
  for (int t = 0; t <= 300; ++t) {
    TimedSummary at;
    at.t_seconds = t;
    at.summary.mean = t % 2 == 0 ? 0 : 100;
    series.values.push_back(at);
  }
  return {{"base", {series}}};
}

TEST(Reproduction, A_smoothed_figure_is_drawn_smooth_and_keeps_its_samples_in_the_JSON) {
  const auto study = parse_published(kStudy, "study.toml");
  ASSERT_TRUE(study) << error_line(study.error());
  EXPECT_EQ(study->scaled, "All is coarser.");
  EXPECT_THAT(study->runs[0].live_sets, ::testing::ElementsAre("live.speed=1"));
  EXPECT_TRUE(study->runs[1].modelled);
  const json ours = reproduction_json(*study, jagged(), {{"base", {""}}}, Provenance::modelled);
  const auto document = reproduction_document(ours);
  ASSERT_TRUE(document);
  const auto section = std::find_if(document->sections.begin(), document->sections.end(),
                                    [](const auto& one) { return one.id == "figures"; });
  ASSERT_NE(section, document->sections.end());
  ASSERT_EQ(section->charts.size(), 2U);
  EXPECT_EQ(section->charts[0].series[0].y.size(), 301U);
  const report::Series& smooth = section->charts[1].series[0];
  EXPECT_EQ(smooth.x.back(), 200);
  for (std::size_t i = 5; i + 5 < smooth.y.size(); ++i) EXPECT_NEAR(smooth.y[i], 50, 20) << i;
  EXPECT_EQ(ours.at("figures")[1].at("lines")[0].at("values").size(), 301U);
  EXPECT_EQ(ours.at("figures")[1].at("until_seconds"), 200);
}

TEST(Reproduction, What_no_model_runs_cannot_stand_modelled_beside_live_runs) {
  const auto study = parse_published(
      "title = \"a\"\nsource = \"b\"\n[runs.a]\nscenario = \"x\"\nlive_only = true\nmodelled = "
      "true\n",
      "study.toml");
  EXPECT_FALSE(study);
}

}  // namespace
}  // namespace brim::study
