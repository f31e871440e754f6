// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/thrash_backend.h"

#include "study/metric.h"
#include "thrash/model/test_scenarios.h"

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using test::parse_scenario;
using test::small_scenario;
using test::SmallScenario;

using Sampled = std::tuple<std::string, std::string, double, double>;

struct Seen {
  std::vector<Sampled> samples;
  double progress = 0;

  // By time.
  [[nodiscard]] std::map<double, double> series(std::string_view metric,
                                                std::string_view subject = "") const {
    std::map<double, double> found;
    for (const auto& [name, of, t, value] : samples)
      if (name == metric && of == subject) found[t] = value;
    return found;
  }
  [[nodiscard]] double sum(std::string_view metric) const {
    double all = 0;
    for (const auto& [t, value] : series(metric)) all += value;
    return all;
  }
};

Result<Seen> run_model(const study::Scenario& scenario, std::uint64_t seed = 1,
                       const Cancel& cancel = kNeverCancelled) {
  Seen seen;
  const auto backend = make_thrash_backend();
  BRIM_CHECK(backend->check(scenario));
  BRIM_CHECK(backend->run(
      scenario, Rng(seed),
      [&](std::string_view metric, std::string_view subject, double t, double value) {
        seen.samples.emplace_back(metric, subject, t, value);
      },
      [&](double part) {
        EXPECT_GE(part, seen.progress);
        seen.progress = part;
      },
      cancel));
  return seen;
}

Seen seen_of(const SmallScenario& parts, std::uint64_t seed = 1) {
  const study::ScenarioFile file = small_scenario(parts);
  auto seen = run_model(file.base(), seed);
  EXPECT_TRUE(seen) << error_line(seen.error());
  return std::move(*seen);
}

TEST(ThrashBackendTest, The_same_seed_gives_the_same_samples_and_another_others) {
  EXPECT_EQ(seen_of({}).samples, seen_of({}).samples);
  EXPECT_NE(seen_of({}).samples, seen_of({}, 2).samples);
}

TEST(ThrashBackendTest, Records_only_what_the_metric_table_has_once_for_each_time) {
  std::map<std::tuple<std::string, std::string, double>, int> times;
  for (const auto& [metric, subject, t, value] : seen_of({}).samples) {
    EXPECT_NE(study::find_metric(metric), nullptr) << metric;
    EXPECT_EQ((++times[{metric, subject, t}]), 1) << metric << " " << subject << " " << t;
  }
}

TEST(ThrashBackendTest, Samples_come_at_each_interval_and_the_run_is_told_as_it_goes) {
  const Seen seen = seen_of({});
  EXPECT_EQ(seen.series("thrash.accesses").size(), 12U);
  EXPECT_EQ(seen.series("thrash.accesses", "consumer 6").size(), 12U);
  EXPECT_TRUE(seen.series("thrash.accesses", "consumer 7").empty());
  EXPECT_EQ(seen.progress, 1);
}

TEST(ThrashBackendTest, All_consumers_together_have_what_each_has) {
  const Seen seen = seen_of({});
  for (const char* metric : {"thrash.accesses", "thrash.resident_bytes", "thrash.swapped_bytes"}) {
    for (const auto& [t, all] : seen.series(metric)) {
      double sum = 0;
      for (int number = 1; number <= 6; ++number)
        sum += seen.series(metric, fmt::format("consumer {}", number)).at(t);
      EXPECT_EQ(sum, all) << metric << " at " << t;
    }
  }
}

TEST(ThrashBackendTest, Memory_and_rates_add_up) {
  const Seen seen = seen_of({});
  const double memory = 16 * 1024 * 1024;
  for (const auto& [t, free] : seen.series("thrash.free_bytes"))
    EXPECT_EQ(free + seen.series("thrash.resident_bytes").at(t), memory);
  double made = 0;
  for (const auto& [t, rate] : seen.series("thrash.accesses_per_s")) made += rate;
  EXPECT_NEAR(made, seen.series("thrash.accesses").rbegin()->second, 1);
  EXPECT_GT(seen.sum("thrash.pages_out_per_s"), 0);
}

TEST(ThrashBackendTest, Consumers_come_thrash_and_go) {
  const Seen seen = seen_of({});
  const auto running = seen.series("thrash.consumers_running");
  EXPECT_EQ(running.at(1), 0);
  EXPECT_EQ(running.at(5), 6);
  EXPECT_EQ(seen.series("thrash.consumers_killed").rbegin()->second, 0);
  EXPECT_EQ(seen.series("thrash.major_faults_per_s").at(2), 0);
  EXPECT_GT(seen.series("thrash.major_faults_per_s").at(5), 10);
}

// A burst of 500 accesses of 150 ns, and a pause of 20 ms.
TEST(ThrashBackendTest, Where_all_start_at_once_a_consumer_s_rate_is_reckoned) {
  const Seen seen = seen_of({.guests = "count = 6\nsettle = \"1s\"\nstart_interval = \"0s\"\n"
                                       "run_for = \"6s\""});
  const auto rate = seen.series("thrash.unconstrained_accesses_per_s");
  ASSERT_FALSE(rate.empty());
  EXPECT_NEAR(rate.rbegin()->second, 500 / 0.020075, 1);
  ASSERT_FALSE(seen.series("thrash.onset_consumers").empty());
  EXPECT_EQ(seen.series("thrash.onset_consumers").rbegin()->second, 6);
}

TEST(ThrashBackendTest, Each_systems_counter_counts_what_it_does) {
  const auto counted = [](std::string_view counter) {
    const std::string mechanism =
        fmt::format("policy = \"system\"\nreplacement = \"clock\"\ncounter = \"{}\"", counter);
    const Seen seen = seen_of({.mechanism = mechanism});
    EXPECT_GT(seen.sum("thrash.pages_in_per_s"), 0);
    return seen.sum("thrash.counter_in_per_s") / seen.sum("thrash.pages_in_per_s");
  };
  EXPECT_EQ(counted("swap_pages"), 1);
  EXPECT_EQ(counted("page_requests"), 1);
  EXPECT_EQ(counted("block_kib"), 4);
  EXPECT_EQ(counted("whole_processes"), 0);
}

TEST(ThrashBackendTest, An_unknown_policy_is_named) {
  const study::ScenarioFile file =
      small_scenario({.mechanism = "policy = \"system\"\nreplacement = \"clok\""});
  const auto refused = make_thrash_backend()->check(file.base());
  ASSERT_FALSE(refused);
  EXPECT_THAT(error_line(refused.error()), testing::HasSubstr("clok"));
}

TEST(ThrashBackendTest, A_run_that_is_stopped_says_so) {
  const study::ScenarioFile file = small_scenario();
  Cancel cancel;
  cancel.request();
  const auto stopped = run_model(file.base(), 1, cancel);
  ASSERT_FALSE(stopped);
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
}

class CatalogueSystemTest : public testing::TestWithParam<const char*> {};

// Ten consumers of 64 KiB short of what is there: all systems page, finish, and lose nothing.
TEST_P(CatalogueSystemTest, Runs_a_small_scenario_into_thrashing_and_back) {
  for (const char* swap : {"disk", "zram"}) {
    const auto file = parse_scenario(fmt::format(R"(area = "thrash"
[study]
scale = 0.04
[schedule]
duration = "60s"
sample_interval = "1s"
[hardware]
entry = "santos-2009"
swap = "{}"
[mechanism]
entry = "{}"
[loads.consumer]
entry = "santos"
[[guests]]
count = 12
load = "consumer"
settle = "1s"
start_interval = "500ms"
run_for = "15s"
)",
                                                 swap, GetParam()));
    ASSERT_TRUE(file) << error_line(file.error());
    const auto seen = run_model(file->base());
    ASSERT_TRUE(seen) << error_line(seen.error());
    EXPECT_GT(seen->sum("thrash.pages_in_per_s"), 100) << swap;
    EXPECT_GT(seen->sum("thrash.pages_out_per_s"), 100) << swap;
    EXPECT_EQ(seen->series("thrash.consumers_killed").rbegin()->second, 0) << swap;
    EXPECT_EQ(seen->series("thrash.consumers_running").rbegin()->second, 0) << swap;
    EXPECT_EQ(seen->series("thrash.resident_bytes").rbegin()->second, 0) << swap;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CatalogueSystemTest,
                         testing::Values("freebsd-7", "linux-2.6.22", "linux-6", "linux-6-mglru",
                                         "opensolaris-2008.11", "windows-xp"),
                         [](const auto& param) {
                           std::string name = param.param;
                           for (char& c : name)
                             if (c == '-' || c == '.') c = '_';
                           return name;
                         });

}  // namespace
}  // namespace brim::thrash::model
