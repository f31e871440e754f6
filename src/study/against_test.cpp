// SPDX-License-Identifier: Apache-2.0
#include "study/against.h"

#include "study/both_document.h"
#include "study/study_document.h"
#include "study/test_area.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

constexpr char kHeldText[] = R"(
area = "test"
[study]
repeats = 4
against = "mechanism.policy=none"
[mechanism]
policy = "fast"
[[guests]]
[sweep.over]
"guests.0.count" = [1, 2]
"mechanism.policy" = ["fast", "none"]
)";

Result<ScenarioFile> held_study(std::string text, std::string_view from = "",
                                std::string_view to = "") {
  if (!from.empty()) text.replace(text.find(from), from.size(), to);
  return ScenarioFile::parse(text, "study.toml", Catalogue(), test::kAreas);
}

std::string baseline_refusal(std::string_view against) {
  const auto file = held_study(kHeldText, "mechanism.policy=none\"", std::string(against) + "\"");
  return file ? "accepted" : error_line(file.error());
}

// Four repeats of a point, of which only what comes last counts.
void put_repeats(std::vector<Sample>& samples, std::uint32_t point,
                 const std::vector<double>& last) {
  for (std::uint32_t repeat = 0; repeat < last.size(); ++repeat)
    for (const double t : {20.0, 10.0, 30.0})
      samples.push_back({.metric = "share.ram_bytes",
                         .subject = "",
                         .t_seconds = t,
                         .point = point,
                         .repeat = repeat,
                         .value = t == 30 ? last[repeat] : 999,
                         .low = {},
                         .high = {}});
}

// The sweep's points: 1 fast, 1 none, 2 fast, 2 none.
std::vector<Sample> measured_points() {
  std::vector<Sample> samples;
  put_repeats(samples, 0, {40, 42, 44, 46});
  put_repeats(samples, 1, {10, 10.5, 11, 11.5});
  put_repeats(samples, 2, {0, 1, 2, 3});
  put_repeats(samples, 3, {2, 1, 3, 0});
  return samples;
}

TEST(Against, Each_point_is_held_against_the_one_that_differs_in_that_value_alone) {
  const auto file = held_study(kHeldText);
  ASSERT_TRUE(file) << error_line(file.error());
  const auto held = hold_against(*file, measured_points());
  ASSERT_THAT(held, SizeIs(2));
  EXPECT_EQ(held[0].values.point, 0U);
  EXPECT_EQ(held[0].base, 1U);
  EXPECT_EQ(held[0].values.a.n, 4U);
  EXPECT_EQ(held[0].values.b.maximum, 46) << "the last values by time, not by place";
  EXPECT_EQ(held[0].values.verdict, Verdict::higher);
  EXPECT_NEAR(held[0].values.rank_test->p_value, 2.0 / 70, 1e-9) << "2 of C(8,4)";
  EXPECT_NEAR(*held[0].ratio, 4, 0.01);
  ASSERT_TRUE(held[0].ratio_interval.has_value());
  EXPECT_GT(held[0].ratio_interval->low, 3.5);
  EXPECT_LT(held[0].ratio_interval->high, 4.5);
  EXPECT_EQ(held[1].values.point, 2U);
  EXPECT_EQ(held[1].base, 3U);
  EXPECT_EQ(held[1].values.verdict, Verdict::no_difference_seen);
  EXPECT_FALSE(held[1].ratio) << "no ratio to zero";
}

TEST(Against, The_order_in_which_a_sweep_says_things_does_not_matter) {
  const auto file =
      held_study(kHeldText,
                 "\"guests.0.count\" = [1, 2]\n\"mechanism.policy\" = [\"fast\", "
                 "\"none\"]",
                 "\"mechanism.policy\" = [\"fast\", \"none\"]\n\"guests.0.count\" = [1, "
                 "2]");
  ASSERT_TRUE(file) << error_line(file.error());
  const auto held = hold_against(*file, measured_points());
  ASSERT_THAT(held, SizeIs(2));
  EXPECT_EQ(held[0].base, 2U);
  EXPECT_EQ(held[1].base, 3U);
}

TEST(Against, Without_a_baseline_nothing_is_held) {
  const auto file = held_study(kHeldText, "against = \"mechanism.policy=none\"\n", "");
  ASSERT_TRUE(file) << error_line(file.error());
  EXPECT_THAT(hold_against(*file, measured_points()), SizeIs(0));
}

TEST(Against, A_point_without_samples_is_left_out) {
  const auto file = held_study(kHeldText);
  ASSERT_TRUE(file);
  std::vector<Sample> samples;
  put_repeats(samples, 0, {1, 2});
  put_repeats(samples, 2, {1, 2});
  put_repeats(samples, 3, {2, 4});
  const auto held = hold_against(*file, samples);
  ASSERT_THAT(held, SizeIs(1));
  EXPECT_EQ(held[0].values.verdict, Verdict::too_few);
  EXPECT_NEAR(*held[0].ratio, 0.5, 1e-9);
}

TEST(Against, A_baseline_that_the_sweep_lacks_is_an_error_that_says_what_there_is) {
  EXPECT_THAT(baseline_refusal("mechanism.policy"),
              HasSubstr("study.toml:5: against: expected PATH=VALUE"));
  EXPECT_THAT(baseline_refusal("mechanism.rate=1"),
              HasSubstr("'mechanism.rate' is not varied; expected one of guests.0.count, "
                        "mechanism.policy"));
  EXPECT_THAT(baseline_refusal("mechanism.policy=slow"),
              HasSubstr("mechanism.policy is never 'slow'; expected one of fast, none"));
}

TEST(Against, The_study_says_it_first) {
  const auto file = held_study(kHeldText);
  ASSERT_TRUE(file);
  const std::vector<Sample> samples = measured_points();
  const auto json = study_json(*file, {.samples = samples, .tasks_done = 16, .tasks = 16});
  EXPECT_EQ(json.at("against"), "mechanism.policy=none");
  ASSERT_THAT(json.at("comparisons"), SizeIs(2));
  EXPECT_EQ(json.at("comparisons")[0].at("label"), "guests.0.count=1, mechanism.policy=fast");
  EXPECT_EQ(json.at("comparisons")[0].at("verdict"), "higher");
  const auto document = study_document(json);
  ASSERT_TRUE(document);
  ASSERT_THAT(document->answer, SizeIs(3));
  EXPECT_THAT(
      document->answer[1],
      HasSubstr("guests.0.count=1, mechanism.policy=fast: 4 times as much (95 %: 3.6 to 4.4"));
  EXPECT_THAT(document->answer[2],
              HasSubstr("mechanism.policy=fast: median 1.5, there 1.5 (p = 1)."));
  EXPECT_EQ(document->sections.front().id, "against");
  EXPECT_THAT(document->sections.front().tables.front().rows, SizeIs(2));
}

std::string compare_refusal(std::string_view compare) {
  const auto file = held_study(kHeldText, "repeats = 4",
                               std::string("repeats = 4\ncompare = ") + std::string(compare));
  return file ? "accepted" : error_line(file.error());
}

TEST(Against, A_study_may_name_the_metrics_it_is_held_by) {
  for (const char* compare :
       {"[\"thrash.recovery_s\", \"share.ram_bytes\"]", "\"thrash.recovery_s, share.ram_bytes\""}) {
    const auto file =
        held_study(kHeldText, "repeats = 4", std::string("repeats = 4\ncompare = ") + compare);
    ASSERT_TRUE(file) << error_line(file.error());
    EXPECT_EQ(file->base().study.get<std::string>("compare"), "thrash.recovery_s,share.ram_bytes");
    const auto held = hold_against(*file, measured_points());
    ASSERT_THAT(held, SizeIs(2)) << "of the other there are no samples";
    EXPECT_EQ(held[0].values.metric, "share.ram_bytes");
  }
  EXPECT_EQ(compare_refusal("\"\""), "accepted");
  EXPECT_THAT(compare_refusal("[\"thrash.recovery\"]"),
              HasSubstr("study.toml:5: compare: there is no metric 'thrash.recovery'; did you mean "
                        "'thrash.recovery_s'?"));
  EXPECT_THAT(compare_refusal("3"), HasSubstr("compare: expected a list of metrics"));
  EXPECT_THAT(compare_refusal("[3]"), HasSubstr("not a whole number"));
}

void put_times(std::vector<Sample>& samples, std::uint32_t point, std::string_view metric,
               const std::vector<double>& values, std::uint32_t first_repeat = 0) {
  for (const double value : values)
    samples.push_back({.metric = std::string(metric),
                       .subject = "",
                       .t_seconds = 30,
                       .point = point,
                       .repeat = first_repeat++,
                       .value = value,
                       .low = {},
                       .high = {}});
}

// Of the first pair: back at once or nearly, and without it hardly ever seen back.
nlohmann::json times_that_may_be_zero() {
  const auto file =
      held_study(kHeldText, "repeats = 4", "repeats = 4\ncompare = [\"thrash.recovery_s\"]");
  EXPECT_TRUE(file);
  std::vector<Sample> samples;
  put_times(samples, 0, "thrash.recovery_s", {0, 0, 0.2, 0.4});
  put_times(samples, 1, "thrash.recovery_s", {18});
  put_times(samples, 1, "thrash.recovery_at_least_s", {19, 19, 19}, 1);
  return study_json(*file, {.samples = samples, .tasks_done = 16, .tasks = 16});
}

TEST(Against, Times_that_may_be_zero_and_bounds_are_held_by_medians_and_ranks) {
  const auto study = times_that_may_be_zero();
  ASSERT_THAT(study.at("comparisons"), SizeIs(1));
  const auto& one = study.at("comparisons")[0];
  EXPECT_FALSE(one.contains("ratio")) << "a value is 0";
  EXPECT_DOUBLE_EQ(one.at("median"), 0.1);
  EXPECT_DOUBLE_EQ(one.at("median_base"), 19);
  EXPECT_EQ(one.at("bounds"), 0U);
  EXPECT_EQ(one.at("bounds_base"), 3U);
  EXPECT_EQ(one.at("n_base"), 4U);
  EXPECT_EQ(one.at("verdict"), "lower");
  EXPECT_TRUE(one.at("better")) << "of a time less is better";
}

TEST(Against, A_bound_is_said_to_be_one) {
  const auto document = study_document(times_that_may_be_zero());
  ASSERT_TRUE(document) << error_line(document.error());
  EXPECT_THAT(document->answer.back(),
              HasSubstr("mechanism.policy=fast: median 0.1, there 19 (p = 0.029; not seen: 0 of 4, "
                        "there 3 of 4)."));
  const report::Table& table = document->sections.front().tables.front();
  EXPECT_EQ(table.columns.back().key, "bounds");
  EXPECT_EQ(std::get<std::string>(table.rows[0].back().value), "0 of 4, there 3 of 4");
  const auto difference = std::ranges::find(table.columns, "difference", &report::Column::key);
  ASSERT_NE(difference, table.columns.end());
  const auto& cell = table.rows[0][static_cast<std::size_t>(difference - table.columns.begin())];
  EXPECT_NEAR(std::get<double>(cell.value), -18.9, 1e-9);
}

TEST(Against, Results_of_earlier_versions_without_medians_are_still_shown) {
  auto study = times_that_may_be_zero();
  for (const char* key : {"median", "median_base", "bounds", "bounds_base", "better"})
    study.at("comparisons")[0].erase(key);
  const auto document = study_document(study);
  ASSERT_TRUE(document) << error_line(document.error());
  EXPECT_THAT(document->answer.back(), HasSubstr("fast: 0.15, there 18.75"));
}

TEST(Against, What_is_told_by_phase_has_a_table_of_its_own) {
  const auto file = held_study(kHeldText);
  ASSERT_TRUE(file);
  std::vector<Sample> samples = measured_points();
  for (const char* phase : {"before", "during", "after"}) {
    put_times(samples, 0, "thrash.exec_p99_ms", {phase[0] == 'd' ? 500.0 : 20.0});
    samples.back().subject = phase;
  }
  const auto document =
      study_document(study_json(*file, {.samples = samples, .tasks_done = 16, .tasks = 16}));
  ASSERT_TRUE(document) << error_line(document.error());
  const auto phases = std::ranges::find(document->sections, "phases", &report::Section::id);
  ASSERT_NE(phases, document->sections.end());
  EXPECT_EQ(std::get<double>(phases->tables[0].rows[0][4].value), 500);
  EXPECT_EQ(std::ranges::find(document->sections, "guests", &report::Section::id),
            document->sections.end())
      << "phases are no guests";
}

// Points 0, 1, 2 as three counts; each so many times what the first has.
nlohmann::json counted(const ScenarioFile& file, const std::vector<double>& times) {
  std::vector<Sample> samples;
  for (std::uint32_t point = 0; point < 3; ++point)
    put_repeats(samples, point, {10 * times[point], 10.1 * times[point], 10.2 * times[point]});
  return study_json(file, {.samples = samples, .tasks_done = 9, .tasks = 9});
}

TEST(Against, Beside_a_model_it_is_ratios_and_their_order_that_count) {
  const auto file =
      held_study(kHeldText,
                 "against = \"mechanism.policy=none\"\n[mechanism]\npolicy = "
                 "\"fast\"\n[[guests]]\n[sweep.over]\n\"guests.0.count\" = [1, "
                 "2]\n\"mechanism.policy\" = [\"fast\", \"none\"]",
                 "against = \"guests.0.count=1\"\n[mechanism]\npolicy = "
                 "\"fast\"\n[[guests]]\n[sweep.over]\n\"guests.0.count\" = [1, 2, 3]");
  ASSERT_TRUE(file) << error_line(file.error());
  const auto both =
      both_document(both_json(counted(*file, {1, 2, 4}), counted(*file, {1, 2.5, 2.4})));
  ASSERT_TRUE(both) << error_line(both.error());
  EXPECT_THAT(both->answer.back(), HasSubstr("puts 0 of 1 pairs of points in the order"));
  const auto ratios = std::ranges::find(both->sections, "ratios", &report::Section::id);
  ASSERT_NE(ratios, both->sections.end());
  ASSERT_THAT(ratios->tables[0].rows, SizeIs(2));
  EXPECT_TRUE(std::get<bool>(ratios->tables[0].rows[0][4].value)) << "2.5 for 2";
  EXPECT_FALSE(std::get<bool>(ratios->tables[0].rows[1][4].value)) << "2.4 for 4";
  const auto alike = both_document(both_json(counted(*file, {1, 2, 4}), counted(*file, {1, 2, 5})));
  ASSERT_TRUE(alike);
  EXPECT_THAT(alike->answer.back(), HasSubstr("puts 1 of 1 pairs"));
}

}  // namespace
}  // namespace brim::study
