// SPDX-License-Identifier: Apache-2.0
#include "study/published.h"

#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Use of one run at minutes 0 to 4: a peak, then a swing about 300.
SeriesByRun swinging() {
  const std::vector<double> use{100, 900, 200, 400, 300};
  TimeSeries series{"share.ram_bytes", "", 0, {}};
  for (const double value : use) {
    TimedSummary at;
    at.t_seconds = 60 * static_cast<double>(series.values.size());
    at.summary.mean = value;
    at.summary.n = 5;
    series.values.push_back(at);
  }
  return {{"kvm", {series}}};
}

std::string selection(const std::string& keys) {
  return "{ run = \"kvm\", metric = \"share.ram_bytes\", " + keys + " }";
}

Result<PublishedStudy> study_of(const std::string& checks) {
  return parse_published(fmt::format(R"(
title = "a study"
source = "somebody, 2015"
[runs.kvm]
scenario = "veiga-kvm-1"
[[claims]]
id = "one"
text = "A claim."
place = "page 1"
{})",
                                     checks),
                         "study.toml");
}

std::string check(const std::string& relation, const std::string& left, const std::string& right) {
  return fmt::format("[[claims.checks]]\n{}\nleft = {}\n{}\n", relation, selection(left), right);
}

ClaimVerdict verdict(const std::string& checks) {
  const auto study = study_of(checks);
  EXPECT_TRUE(study) << error_line(study.error());
  return judge(study->claims.front(), swinging(), Provenance::modelled);
}

TEST(Published, Each_statistic_is_of_the_curve_it_names) {
  const auto figure = [](const std::string& keys) {
    const auto study = study_of(check("relation = \"less\"", keys, "value = 0"));
    EXPECT_TRUE(study) << error_line(study.error());
    return figure_of(study->claims.front().checks.front().left, swinging());
  };
  EXPECT_EQ(figure("statistic = \"mean\", t = \"2min\"")->value, 200);
  EXPECT_EQ(figure("statistic = \"last\"")->value, 300);
  EXPECT_EQ(figure("statistic = \"highest\"")->value, 900);
  EXPECT_EQ(figure("statistic = \"time_of_highest\"")->value, 60);
  const auto mean = figure("statistic = \"time_mean\", from = \"2min\", t = \"4min\", divide = 10");
  EXPECT_EQ(mean->value, 30);
  EXPECT_EQ(mean->n, 5U);
  EXPECT_FALSE(figure("statistic = \"time_mean\", from = \"5min\", t = \"9min\""));
}

// Of two points and two metrics, a sample each 10 s for 1,000 s: a noisy plateau with one spike.
SeriesByRun plateau() {
  SeriesByRun runs;
  for (const char* metric : {"thrash.user_cpu_percent", "thrash.system_cpu_percent"})
    for (std::uint32_t point = 0; point < 2; ++point) {
      TimeSeries series{metric, "", point, {}};
      for (int i = 0; i <= 100; ++i) {
        TimedSummary at;
        at.t_seconds = 10 * i;
        at.summary.mean = (i % 2 == 0 ? 12 : 8) * (point + 1.0) + (i == 50 ? 500 : 0);
        at.summary.sample_sd = 2;
        at.summary.n = 3;
        series.values.push_back(at);
      }
      runs["base"].push_back(std::move(series));
    }
  return runs;
}

std::optional<Figure> of_plateau(const std::string& keys) {
  const auto study = study_of(fmt::format(
      "[[claims.checks]]\nrelation = \"less\"\nleft = {{ run = \"base\", {} }}\nvalue = 0\n",
      keys));
  EXPECT_TRUE(study) << error_line(study.error());
  return figure_of(study->claims.front().checks.front().left, plateau());
}

TEST(Published, A_smoothed_peak_lies_far_below_a_single_sample_s) {
  const std::string metric = "metric = \"thrash.user_cpu_percent\", ";
  EXPECT_GT(of_plateau(metric + "statistic = \"highest\"")->value, 500);
  // 100 steps: the spike keeps sqrt(2 / (pi 100)) of its 500 above the mean of 10.
  EXPECT_NEAR(of_plateau(metric + "statistic = \"smooth_highest\"")->value, 50, 3);
  EXPECT_NEAR(of_plateau(metric + "statistic = \"smooth_time_of_highest\"")->value, 500, 20);
  const auto early = of_plateau(metric + "statistic = \"smooth_highest\", t = \"400s\"");
  EXPECT_NEAR(early->value, 12, 0.1);  // its ends are kept
}

TEST(Published, Over_a_time_there_are_percentiles_and_the_spread_of_repeats) {
  const std::string metric = "metric = \"thrash.user_cpu_percent\", from = \"10s\", t = \"390s\", ";
  EXPECT_EQ(of_plateau(metric + "statistic = \"percentile\", percent = 100")->value, 12);
  EXPECT_EQ(of_plateau(metric + "statistic = \"percentile\", percent = 25")->value, 8);
  EXPECT_EQ(of_plateau(metric + "statistic = \"time_sd\"")->value, 2);
  EXPECT_FALSE(of_plateau(metric + "statistic = \"percentile\", point = 2"));
}

TEST(Published, Metrics_are_added_before_anything_is_made_of_them) {
  const std::string both = "metric = \"thrash.user_cpu_percent+thrash.system_cpu_percent\", ";
  EXPECT_EQ(of_plateau(both + "statistic = \"mean\", t = \"10s\"")->value, 16);
  EXPECT_EQ(of_plateau(both + "statistic = \"percentile\", percent = 100, t = \"400s\"")->value,
            24);
  EXPECT_FALSE(of_plateau("metric = \"thrash.user_cpu_percent+thrash.fairness\""));
}

TEST(Published, What_a_run_never_came_to_can_stand_for_a_figure_but_not_what_was_not_run) {
  EXPECT_EQ(of_plateau("metric = \"thrash.recovery_s\", never = 1000")->value, 1000);
  EXPECT_EQ(of_plateau("metric = \"thrash.user_cpu_percent\", never = 1000")->value, 12);
  const auto study = study_of(
      "[[claims.checks]]\nrelation = \"less\"\nvalue = 0\n"
      "left = { run = \"other\", metric = \"thrash.recovery_s\", never = 1000 }\n");
  ASSERT_TRUE(study) << error_line(study.error());
  EXPECT_FALSE(figure_of(study->claims.front().checks.front().left, plateau()));
  SeriesByRun both = plateau();
  both["other"] = both["base"];
  const ClaimVerdict verdict = judge(study->claims.front(), both, Provenance::modelled);
  EXPECT_EQ(verdict.status, ClaimStatus::failed);
  EXPECT_THAT(verdict.evidence, ElementsAre(HasSubstr("recovery_s never")));
}

TEST(Published, The_greatest_of_all_points_can_be_asked_for) {
  const std::string metric = "metric = \"thrash.user_cpu_percent\", t = \"20s\", any_point = true";
  EXPECT_EQ(of_plateau(metric)->value, 24);
  EXPECT_FALSE(of_plateau("metric = \"thrash.fairness\", any_point = true"));
}

TEST(Published, A_claim_holds_only_if_all_its_checks_do) {
  const std::string after = "statistic = \"time_mean\", from = \"2min\", t = \"4min\"";
  const std::string peak = "right = " + selection("statistic = \"highest\"");
  const std::string holds = check("relation = \"less\"\nby = 0.5", after, peak);
  const std::string fails = check("relation = \"less\"\nby = 0.7", after, peak);
  EXPECT_EQ(verdict(holds).status, ClaimStatus::held);
  EXPECT_EQ(verdict(holds + fails).status, ClaimStatus::failed);
  EXPECT_THAT(verdict(holds + fails).evidence, ElementsAre(HasSubstr("300"), HasSubstr("900")));
  EXPECT_EQ(verdict(check("relation = \"about\"\nby = 0.1", after, "value = 320")).status,
            ClaimStatus::held);
}

TEST(Published, A_claim_whose_run_is_missing_is_not_decided) {
  const auto study = study_of(check("relation = \"less\"", "statistic = \"last\"", "value = 500"));
  ASSERT_TRUE(study);
  EXPECT_EQ(judge(study->claims.front(), {}, Provenance::modelled).status,
            ClaimStatus::not_decidable);
}

TEST(Published, An_unknown_statistic_is_named_with_those_there_are) {
  const auto study = study_of(check("relation = \"less\"", "statistic = \"medium\"", "value = 1"));
  ASSERT_FALSE(study);
  EXPECT_THAT(error_line(study.error()), HasSubstr("time_mean"));
}

}  // namespace
}  // namespace brim::study
