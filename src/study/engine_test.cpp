// SPDX-License-Identifier: Apache-2.0
#include "study/engine.h"

#include "study/catalogue.h"
#include "study/published.h"
#include "study/reproduction.h"
#include "study/series.h"
#include "study/study_document.h"
#include "study/test_area.h"

#include <atomic>
#include <map>
#include <mutex>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// Two points, three repeats.
constexpr std::string_view kStudyText = R"(
area = "test"
summary = "A study of nothing"
[study]
repeats = 3
[mechanism]
policy = "fast"
[[guests]]
count = 2
[sweep.over]
"mechanism.rate" = [100, 200]
)";

ScenarioFile study_of(std::string_view text = kStudyText) {
  const Catalogue catalogue;
  auto file = ScenarioFile::parse(text, "dir/study.toml", catalogue, test::kAreas);
  EXPECT_TRUE(file.has_value()) << (file ? "" : error_line(file.error()));
  return std::move(*file);
}

// What it records tells rate and randomness; the first tasks take longest.
class Draws final : public Backend {
 public:
  [[nodiscard]] Provenance provenance() const override { return Provenance::modelled; }
  [[nodiscard]] bool concurrent() const override { return true; }
  [[nodiscard]] Result<void> check(const Scenario& scenario) const override {
    if (rate_of(scenario) == refused_) return fail(ErrorCode::bad_input, "not that rate");
    return {};
  }
  [[nodiscard]] Result<void> run(const Scenario& scenario, const Rng& rng, const SampleSink& sink,
                                 const std::function<void(double)>& progress,
                                 const Cancel& cancel) const override {
    std::this_thread::sleep_for(std::chrono::milliseconds(20 - std::min(runs_++, 20)));
    if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
    Rng own = rng;
    progress(0.5);
    sink("share.ram_bytes", "", 0, rate_of(scenario));
    sink("share.ram_bytes", "", 5, static_cast<double>(own.below(1'000'000)));
    return {};
  }
  double refused_ = -1;

 private:
  static double rate_of(const Scenario& scenario) {
    return scenario.mechanism.settings.get<double>("rate");
  }
  mutable std::atomic<int> runs_{0};
};

std::vector<Sample> run_all(unsigned threads, const std::set<TaskId>& done = {}) {
  const ScenarioFile scenario = study_of();
  std::vector<Sample> all;
  Progress silent;
  const auto ran = run_study(
      scenario, Draws(), {.threads = threads, .done = done},
      [&](const TaskId&, std::span<const Sample> samples) {
        all.insert(all.end(), samples.begin(), samples.end());
      },
      silent, kNeverCancelled);
  EXPECT_TRUE(ran.has_value());
  return all;
}

using Told = std::tuple<std::uint32_t, std::uint32_t, double, double>;
std::vector<Told> told(const std::vector<Sample>& samples) {
  std::vector<Told> all;
  all.reserve(samples.size());
  for (const Sample& sample : samples)
    all.emplace_back(sample.repeat, sample.point, sample.t_seconds, sample.value);
  return all;
}

TEST(Engine, Repeats_take_turns_and_arrive_in_order_whatever_the_number_of_threads) {
  const auto one = told(run_all(1));
  EXPECT_EQ(one, told(run_all(4)));
  ASSERT_EQ(one.size(), 12U);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> order;
  for (std::size_t i = 0; i < one.size(); i += 2)
    order.emplace_back(std::get<0>(one[i]), std::get<1>(one[i]));
  EXPECT_THAT(order, ElementsAre(std::pair(0, 0), std::pair(0, 1), std::pair(1, 0), std::pair(1, 1),
                                 std::pair(2, 0), std::pair(2, 1)));
}

TEST(Engine, Randomness_is_of_the_repeat_and_the_point) {
  std::set<double> drawn;
  for (const Sample& sample : run_all(2))
    if (sample.t_seconds > 0) drawn.insert(sample.value);
  EXPECT_EQ(drawn.size(), 6U);
}

TEST(Engine, What_is_done_is_not_done_again_and_the_rest_is_what_it_would_have_been) {
  const auto whole = told(run_all(2));
  auto rest = told(run_all(2, {{0, 0}, {1, 1}}));
  EXPECT_EQ(rest.size(), 8U);
  for (const Told& one : rest) EXPECT_NE(std::find(whole.begin(), whole.end(), one), whole.end());
}

TEST(Engine, What_a_backend_refuses_is_said_before_anything_runs) {
  Draws backend;
  backend.refused_ = 200;
  Progress silent;
  bool recorded = false;
  const auto ran = run_study(
      study_of(), backend, {}, [&](const TaskId&, auto) { recorded = true; }, silent,
      kNeverCancelled);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::bad_input);
  EXPECT_FALSE(recorded);
}

TEST(Engine, A_cancelled_study_keeps_whole_tasks_only) {
  Cancel cancel;
  Progress silent;
  std::vector<Sample> all;
  const auto ran = run_study(
      study_of(), Draws(), {.threads = 1, .done = {}},
      [&](const TaskId&, std::span<const Sample> samples) {
        all.insert(all.end(), samples.begin(), samples.end());
        cancel.request();
      },
      silent, cancel);
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().code, ErrorCode::interrupted);
  EXPECT_EQ(all.size(), 2U);
}

TEST(Series, Repeats_become_means_with_intervals) {
  std::vector<Sample> samples(4);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    samples[i].metric = "share.ram_bytes";
    samples[i].repeat = static_cast<std::uint32_t>(i % 2);
    samples[i].t_seconds = i < 2 ? 10 : 0;
    samples[i].value = static_cast<double>(i);
  }
  const auto series = series_of(samples);
  ASSERT_EQ(series.size(), 1U);
  ASSERT_EQ(series[0].values.size(), 2U);
  EXPECT_EQ(series[0].values[0].t_seconds, 0);
  EXPECT_EQ(series[0].values[0].summary.mean, 2.5);
  EXPECT_EQ(series[0].values[1].summary.n, 2U);
  EXPECT_TRUE(series[0].values[1].interval.has_value());
  EXPECT_EQ(series[0].highest().t_seconds, 0);
  EXPECT_EQ(find_series(series, "share.ram_bytes", "", 1), nullptr);
}

TEST(StudyDocument, It_is_drawn_from_its_own_json) {
  const ScenarioFile scenario = study_of();
  const auto samples = run_all(2);
  const auto result = study_json(scenario, {.samples = samples, .tasks_done = 6, .tasks = 6});
  const auto document = study_document(result);
  ASSERT_TRUE(document.has_value());
  EXPECT_EQ(document->provenance, Provenance::modelled);
  EXPECT_TRUE(document->warnings.empty());
  const std::string text = report::to_text(*document, {});
  EXPECT_THAT(text, HasSubstr("A study of nothing."));
  EXPECT_THAT(text, HasSubstr("mechanism.rate=200"));
  const auto part =
      study_document(study_json(scenario, {.samples = samples, .tasks_done = 5, .tasks = 6}));
  EXPECT_THAT(part->warnings, ElementsAre(HasSubstr("5 of 6")));
  EXPECT_FALSE(study_document(nlohmann::json::object()).has_value());
}

constexpr std::string_view kPublishedText = R"(
title = "A paper"
source = "Somebody 2000"
[runs.a]
scenario = "study"
[[cells]]
table = "1"
row = "r"
column = "c"
unit = "bytes"
published = 50
role = "prediction"
run = "a"
metric = "share.ram_bytes"
[[cells]]
table = "1"
row = "r"
column = "c2"
published = 100
role = "calibration"
run = "a"
metric = "share.ram_bytes+share.ram_bytes"
divide = 2
[[figures]]
id = "1.1"
title = "one run"
run = "a"
metric = "share.ram_bytes"
divide = 100
[[figures]]
id = "1.2"
title = "runs beside each other"
runs = ["a", "b"]
point = 1
metric = "share.ram_bytes"
[[figures]]
id = "1.3"
title = "not run"
run = "b"
metric = "share.ram_bytes"
[[claims]]
id = "more"
text = "Point 1 is more than point 0"
[[claims.checks]]
relation = "more"
left = { run = "a", point = 1, metric = "share.ram_bytes" }
right = { run = "a", point = 0, metric = "share.ram_bytes" }
[[claims]]
id = "small"
text = "Point 0 is small"
[[claims.checks]]
left = { run = "a", metric = "share.ram_bytes" }
value = 99
[[claims]]
id = "elsewhere"
text = "What was not run"
[[claims.checks]]
left = { run = "b", metric = "share.ram_bytes" }
value = 1
[[claims]]
id = "unknown"
text = "Nobody knows"
not_decidable = "no model of it"
[[claims]]
id = "real"
text = "Only real machines know"
not_modelled = "no model of it"
[[claims.checks]]
left = { run = "a", metric = "share.ram_bytes" }
value = 101
)";

nlohmann::json reproduced_as(Provenance of_runs) {
  const auto published = parse_published(kPublishedText, "paper");
  EXPECT_TRUE(published.has_value()) << error_line(published.error());
  SeriesByRun runs;
  runs.emplace("a", series_of(run_all(1)));
  return reproduction_json(*published, runs, {{"a", {"rate=0", "rate=1"}}}, of_runs);
}

TEST(Reproduction, Errors_and_verdicts_come_from_the_figures) {
  const auto result = reproduced_as(Provenance::modelled);
  EXPECT_EQ(result["cells"][0]["ours"], 100);
  EXPECT_EQ(result["cells"][0]["error"], 100);
  EXPECT_EQ(result["cells"][0]["n"], 3);
  EXPECT_EQ(result["cells"][1]["ours"], 100);
  EXPECT_EQ(result["cells"][1]["error"], 0);
  EXPECT_EQ(result["claims"][0]["status"], "held");
  EXPECT_EQ(result["claims"][1]["status"], "failed");
  EXPECT_EQ(result["claims"][2]["status"], "not_decidable");
  EXPECT_EQ(result["claims"][3]["status"], "not_decidable");
  EXPECT_EQ(result["claims"][4]["status"], "not_decidable");
  EXPECT_EQ(reproduced_as(Provenance::measured)["claims"][4]["status"], "held");
  EXPECT_EQ(result["summary"]["predictions"], 1);
  EXPECT_EQ(result["summary"]["mean_abs_error"], 100);
  EXPECT_EQ(result["summary"]["claims_held"], 1);
  EXPECT_EQ(result["summary"]["claims_failed"], 1);
  EXPECT_FALSE(all_claims_held(result));
  const auto document = reproduction_document(result);
  ASSERT_TRUE(document.has_value());
  EXPECT_THAT(report::to_text(*document, {}), HasSubstr("1 held, 1 failed, 5 in all"));
}

TEST(Reproduction, Figures_have_a_line_for_each_point_or_for_each_run) {
  const auto result = reproduced_as(Provenance::modelled);
  ASSERT_EQ(result["figures"].size(), 2U) << "the third's run was not made";
  const auto& first = result["figures"][0]["lines"];
  ASSERT_EQ(first.size(), 2U);
  EXPECT_EQ(first[0]["label"], "rate=0");
  EXPECT_EQ(first[0]["values"][0], 1) << "100, divided by 100";
  const auto& second = result["figures"][1]["lines"];
  ASSERT_EQ(second.size(), 1U);
  EXPECT_EQ(second[0]["label"], "a");
  EXPECT_GT(second[0]["values"][0], 100) << "its point 1";
  const auto document = reproduction_document(result);
  ASSERT_TRUE(document.has_value());
  EXPECT_THAT(report::to_html(*document), HasSubstr("Figure 1.1: one run"));
}

TEST(Reproduction, A_key_that_is_wrong_is_said_with_its_line) {
  const auto wrong = parse_published("title = \"x\"\nsurce = \"y\"\n", "paper.toml");
  ASSERT_FALSE(wrong);
  EXPECT_THAT(error_line(wrong.error()), HasSubstr("paper.toml:2"));
  EXPECT_THAT(error_line(wrong.error()), HasSubstr("source"));
}

}  // namespace
}  // namespace brim::study
