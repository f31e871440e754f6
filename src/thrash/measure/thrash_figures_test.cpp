// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/thrash_figures.h"

#include <cmath>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash {
namespace {

using ::testing::ElementsAre;
using ::testing::Optional;

constexpr double kRate = 1000;  // accesses a second, unconstrained

struct Schedule {
  std::uint32_t consumers = 10;
  double settle = 10;
  double interval = 10;
  double run_for = 110;
  double sampled_for = 260;
};

// As the share of kRate that each consumer makes at a time while so many run.
using Share = std::function<double(double t, std::uint32_t running)>;

RunRecord made_up(const Schedule& schedule, const Share& share) {
  RunRecord record;
  record.consumers.resize(schedule.consumers);
  for (std::uint32_t i = 0; i < schedule.consumers; ++i) {
    ConsumerRecord& one = record.consumers[i];
    one.start_seconds = schedule.settle + schedule.interval * (i + 1);
    one.due_seconds = one.start_seconds + schedule.run_for;
    one.ended_seconds = one.due_seconds;
  }
  std::vector<double> made(schedule.consumers, 0);
  for (int second = 0; second <= static_cast<int>(schedule.sampled_for); ++second) {
    const double t = second;
    std::uint32_t running = 0;
    for (const ConsumerRecord& one : record.consumers)
      running += one.start_seconds < t && t <= one.due_seconds ? 1 : 0;
    record.t_seconds.push_back(t);
    for (std::uint32_t i = 0; i < schedule.consumers; ++i) {
      ConsumerRecord& one = record.consumers[i];
      if (one.start_seconds < t && t <= one.due_seconds) made[i] += kRate * share(t, running);
      one.accesses.push_back(static_cast<std::uint64_t>(std::llround(made[i])));
    }
  }
  return record;
}

// Falls to a tenth as the 8th comes at 90 s, and is back 5 s after it is one of 8 no more: the
// third of ten ends at 150 s.
double down_and_back(double t, std::uint32_t running) {
  return running >= 8 || (t > 100 && t <= 155) ? 0.1 : 1;
}

TEST(ThrashFigures, A_run_that_falls_to_a_tenth_and_is_back_after_five_seconds) {
  const ThrashFigures figures = figures_of(made_up({}, down_and_back));
  EXPECT_THAT(figures.unconstrained_rate, Optional(kRate));
  EXPECT_THAT(figures.onset_seconds, Optional(90));
  EXPECT_THAT(figures.onset_consumers, Optional(8));
  EXPECT_NEAR(figures.depth.value_or(0), 0.1, 1e-9);
  EXPECT_THAT(figures.fits_again_seconds, Optional(150));
  EXPECT_THAT(figures.recovery, Optional(Recovery{5}));
  EXPECT_FALSE(figures.responsiveness_recovery);
  EXPECT_EQ(figures.killed, 0U);
  for (const auto& late : figures.lateness) EXPECT_THAT(late, Optional(0));
}

TEST(ThrashFigures, A_run_that_never_thrashes_has_a_rate_no_onset_and_nothing_to_recover_from) {
  RunRecord run = made_up({}, [](double, std::uint32_t running) { return running > 7 ? 0.6 : 1; });
  EXPECT_FALSE(figures_of(run).responsiveness_recovery) << "nothing probed";
  run.probes.wake = {{10, 1}};
  const ThrashFigures figures = figures_of(run);
  EXPECT_THAT(figures.recovery, Optional(Recovery{0}));
  EXPECT_THAT(figures.responsiveness_recovery, Optional(Recovery{0}));
  EXPECT_THAT(figures.unconstrained_rate, Optional(kRate));
  EXPECT_FALSE(figures.onset_seconds);
  EXPECT_FALSE(figures.onset_consumers);
  EXPECT_FALSE(figures.depth);
  EXPECT_FALSE(figures.fits_again_seconds);
}

// The last to end does so just after a sample: what it does not do in that moment is no thrashing.
TEST(ThrashFigures, A_consumer_about_to_end_does_not_thrash) {
  RunRecord record = made_up({}, [](double, std::uint32_t) { return 1; });
  *record.consumers.back().ended_seconds += 0.01;
  EXPECT_FALSE(figures_of(record).onset_seconds);
  RunRecord thrashed = made_up({}, down_and_back);
  *thrashed.consumers.back().ended_seconds += 0.01;
  EXPECT_NEAR(figures_of(thrashed).depth.value_or(0), 0.1, 1e-9);
}

TEST(ThrashFigures, What_stays_slow_took_longer_than_there_was_time_to_see) {
  const ThrashFigures figures =
      figures_of(made_up({}, [](double t, std::uint32_t) { return t > 90 ? 0.3 : 1; }));
  EXPECT_THAT(figures.onset_seconds, Optional(90));
  EXPECT_THAT(figures.fits_again_seconds, Optional(150));
  // The last ends at 220 s: at 218 s half a window of it is left.
  EXPECT_THAT(figures.recovery, Optional(Recovery{68, false}));
  EXPECT_NEAR(figures.depth.value_or(0), 0.3, 1e-9);
}

TEST(ThrashFigures, A_relapse_is_no_recovery) {
  const auto relapse = [](double t, std::uint32_t running) {
    return (t > 160 && t <= 190) || running >= 8 ? 0.1 : 1;
  };
  // All that is left, from 151 s on, has to be at nine tenths, not only the first seconds.
  const ThrashFigures figures = figures_of(made_up({}, relapse));
  ASSERT_TRUE(figures.recovery);
  EXPECT_TRUE(figures.recovery->seen);
  EXPECT_GT(figures.recovery->seconds, 30);
}

TEST(ThrashFigures, A_pause_of_less_than_half_the_window_is_no_onset) {
  const auto paused = [](double t, std::uint32_t) { return t > 60 && t <= 61 ? 0.0 : 1; };
  EXPECT_FALSE(figures_of(made_up({}, paused)).onset_seconds);
  const auto longer = [](double t, std::uint32_t) { return t > 60 && t <= 62 ? 0.0 : 1; };
  EXPECT_THAT(figures_of(made_up({}, longer)).onset_seconds, Optional(60));
}

TEST(ThrashFigures, Demand_that_never_fits_again_has_no_recovery) {
  RunRecord run = made_up({}, down_and_back);
  for (ConsumerRecord& one : run.consumers) one.ended_seconds.reset();
  const ThrashFigures figures = figures_of(run);
  EXPECT_TRUE(figures.onset_seconds);
  EXPECT_FALSE(figures.fits_again_seconds);
  EXPECT_FALSE(figures.recovery) << "no bound either: it had no time to";
  for (const auto& late : figures.lateness) EXPECT_FALSE(late);
}

TEST(ThrashFigures, Where_all_start_at_once_the_rate_has_to_be_given) {
  const Schedule at_once{10, 10, 0, 100, 150};
  const auto slow = [](double, std::uint32_t) { return 0.2; };
  const ThrashFigures unknown = figures_of(made_up(at_once, slow));
  EXPECT_FALSE(unknown.unconstrained_rate);
  EXPECT_FALSE(unknown.onset_seconds);
  EXPECT_NEAR(unknown.fairness.value_or(0), 1, 1e-9);
  const ThrashFigures given = figures_of(made_up(at_once, slow), kRate);
  EXPECT_THAT(given.unconstrained_rate, Optional(kRate));
  EXPECT_THAT(given.onset_seconds, Optional(10));
  EXPECT_THAT(given.onset_consumers, Optional(10));
  EXPECT_NEAR(given.depth.value_or(0), 0.2, 1e-9);
  EXPECT_THAT(given.fits_again_seconds, Optional(110)) << "when none runs any more";
  EXPECT_FALSE(given.recovery);
}

// Three from the start to 45 s; seven more from 5 to 25 s, which end a tenth of a second after one
// another, or are killed from 6 s on, so many of them.
RunRecord step_of_demand(const Share& share, int killed = 0) {
  RunRecord record;
  for (int i = 0; i < 3; ++i) record.consumers.push_back({0, 45, 45, false, {}});
  for (int i = 0; i < 7; ++i)
    record.consumers.push_back({5, 25, i < killed ? 6 + 0.3 * i : 25 + 0.1 * i, i < killed, {}});
  std::vector<double> made(record.consumers.size(), 0);
  for (int tick = 0; tick <= 5 * 45; ++tick) {
    const double t = tick / 5.0;
    std::uint32_t running = 0;
    for (const ConsumerRecord& one : record.consumers)
      running += one.start_seconds < t && t <= *one.ended_seconds ? 1 : 0;
    record.t_seconds.push_back(t);
    for (std::size_t i = 0; i < made.size(); ++i) {
      ConsumerRecord& one = record.consumers[i];
      if (one.start_seconds < t && t <= *one.ended_seconds)
        made[i] += kRate / 5 * share(t, running);
      one.accesses.push_back(static_cast<std::uint64_t>(std::llround(made[i])));
    }
  }
  return record;
}

double back_after_two_seconds(double t, std::uint32_t) { return t > 5 && t <= 27.6 ? 0.1 : 1; }

TEST(ThrashFigures, Where_several_come_at_once_demand_fits_when_all_of_them_have_ended) {
  const ThrashFigures figures = figures_of(step_of_demand(back_after_two_seconds));
  EXPECT_THAT(figures.onset_seconds, Optional(5));
  EXPECT_THAT(figures.onset_consumers, Optional(10));
  EXPECT_NEAR(figures.fits_again_seconds.value_or(0), 25.6, 1e-9) << "not 25: nine are too many";
  ASSERT_TRUE(figures.recovery);
  EXPECT_TRUE(figures.recovery->seen);
  EXPECT_NEAR(figures.recovery->seconds, 2, 0.41) << "a window forgives a tenth of itself";
}

TEST(ThrashFigures, Demand_that_a_control_kills_away_fits_again_at_once) {
  const Share until_killed = [](double t, std::uint32_t) { return t > 5 && t <= 8 ? 0.1 : 1; };
  const ThrashFigures figures = figures_of(step_of_demand(until_killed, 7));
  EXPECT_THAT(figures.onset_consumers, Optional(10));
  EXPECT_NEAR(figures.fits_again_seconds.value_or(0), 7.8, 1e-9);
  ASSERT_TRUE(figures.recovery);
  EXPECT_LT(figures.recovery->seconds, 0.5);
  const ThrashFigures one_too_few = figures_of(step_of_demand(until_killed, 6));
  EXPECT_NEAR(one_too_few.fits_again_seconds.value_or(0), 25.6, 1e-9) << "four run until then";
}

// A fifth of a second in which nothing is done, long before the seven come, and just before.
TEST(ThrashFigures, A_stall_between_two_samples_is_not_taken_for_the_onset) {
  for (const double stalled : {2.0, 4.0, 4.8}) {
    const ThrashFigures figures =
        figures_of(step_of_demand([stalled](double t, std::uint32_t running) {
          if (t > stalled && t < stalled + 0.3 && t <= 5) return 0.0;
          return back_after_two_seconds(t, running);
        }));
    EXPECT_THAT(figures.onset_seconds, Optional(stalled < 4.5 ? 5 : 4.8)) << stalled;
    EXPECT_THAT(figures.onset_consumers, Optional(10)) << stalled;
    EXPECT_NEAR(figures.fits_again_seconds.value_or(0), 25.6, 1e-9) << stalled;
  }
}

// Sampled five times as often, what is known of a short recovery is known five times as well.
TEST(ThrashFigures, A_recovery_is_known_to_within_a_sample) {
  RunRecord often = step_of_demand(back_after_two_seconds);
  RunRecord seldom;
  seldom.consumers = often.consumers;
  for (ConsumerRecord& one : seldom.consumers) one.accesses.clear();
  for (std::size_t i = 0; i < often.t_seconds.size(); i += 5) {
    seldom.t_seconds.push_back(often.t_seconds[i]);
    for (std::size_t k = 0; k < often.consumers.size(); ++k)
      seldom.consumers[k].accesses.push_back(often.consumers[k].accesses[i]);
  }
  const double exact = figures_of(often).recovery->seconds;
  EXPECT_NEAR(figures_of(seldom).recovery->seconds, exact, 1);
  EXPECT_NEAR(exact, 2, 0.41);
}

TEST(ThrashFigures, Of_runs_with_no_or_one_sample_only_ends_are_known) {
  RunRecord run;
  EXPECT_FALSE(figures_of(run).fairness);
  run.consumers.push_back({10, 20, 25, false, {}});
  run.consumers.push_back({10, 20, {}, false, {}});
  EXPECT_THAT(figures_of(run).lateness, ElementsAre(Optional(5), std::nullopt));
  run.t_seconds = {30};
  for (ConsumerRecord& one : run.consumers) one.accesses = {100};
  const ThrashFigures figures = figures_of(run, kRate);
  EXPECT_FALSE(figures.onset_seconds);
  EXPECT_TRUE(figures.fairness);
}

TEST(ThrashFigures, A_killed_consumer_is_counted_and_is_not_late) {
  RunRecord run = made_up({}, down_and_back);
  run.consumers[2].killed = true;
  run.consumers[2].ended_seconds = 95;
  run.consumers[3].ended_seconds = *run.consumers[3].ended_seconds + 7;
  const ThrashFigures figures = figures_of(run);
  EXPECT_EQ(figures.killed, 1U);
  EXPECT_FALSE(figures.lateness[2]);
  EXPECT_THAT(figures.lateness[3], Optional(7));
}

TEST(ThrashFigures, Who_is_killed_early_had_less_than_the_others) {
  const auto even = [](double, std::uint32_t) { return 1.0; };
  RunRecord run = made_up({}, even);
  EXPECT_NEAR(*figures_of(run).fairness, 1, 1e-9);
  ConsumerRecord& victim = run.consumers[9];
  victim.killed = true;
  victim.ended_seconds = victim.start_seconds + 1;
  for (std::uint64_t& so_far : victim.accesses) so_far = std::min<std::uint64_t>(so_far, 1000);
  EXPECT_NEAR(*figures_of(run).fairness, 0.9, 0.01);
}

TEST(ThrashFigures, One_that_gets_everything_has_the_fairness_of_one_in_all) {
  RunRecord run = made_up({}, [](double, std::uint32_t) { return 1.0; });
  for (std::size_t i = 1; i < run.consumers.size(); ++i)
    std::fill(run.consumers[i].accesses.begin(), run.consumers[i].accesses.end(), 0);
  EXPECT_NEAR(*figures_of(run).fairness, 0.1, 1e-9);
}

// One in ten of the latencies is ten times as long.
std::vector<Latency> probed(double until, const std::function<double(double)>& milliseconds) {
  std::vector<Latency> probes;
  for (int i = 0; i < static_cast<int>(until * 10); ++i) {
    const double t = i / 10.0;
    probes.push_back({t, milliseconds(t) * (i % 10 == 9 ? 10 : 1)});
  }
  return probes;
}

TEST(ThrashFigures, Latencies_are_told_by_phase) {
  RunRecord run = made_up({}, down_and_back);
  run.probes.wake = probed(260, [](double t) { return t < 90 ? 1 : t < 150 ? 200 : 5; });
  const ThrashFigures figures = figures_of(run);
  ASSERT_TRUE(figures.wake.before && figures.wake.during && figures.wake.after);
  EXPECT_EQ(figures.wake.before->p50, 1);
  EXPECT_EQ(figures.wake.before->p99, 10);
  EXPECT_EQ(figures.wake.during->p50, 200);
  EXPECT_EQ(figures.wake.during->most, 2000);
  EXPECT_EQ(figures.wake.after->p50, 5);
  EXPECT_FALSE(figures.touch.before);
}

TEST(ThrashFigures, Without_thrashing_all_latencies_are_from_before) {
  RunRecord run = made_up({}, [](double, std::uint32_t) { return 1.0; });
  run.probes.touch = probed(260, [](double) { return 3; });
  const ThrashFigures figures = figures_of(run);
  EXPECT_TRUE(figures.touch.before);
  EXPECT_FALSE(figures.touch.during);
  EXPECT_FALSE(figures.touch.after);
}

TEST(ThrashFigures, Latencies_of_the_whole_run_are_told_whatever_else_is_known) {
  RunRecord run;
  run.probes.exec = probed(100, [](double t) { return t < 50 ? 20 : 40; });
  const ThrashFigures figures = figures_of(run);
  EXPECT_FALSE(figures.exec.before) << "no telling when it began";
  ASSERT_TRUE(figures.exec.all);
  EXPECT_EQ(figures.exec.all->most, 400);
  std::map<std::string, double> recorded;
  record(figures, 100,
         [&](std::string_view metric, std::string_view subject, double, double value) {
           recorded[fmt::format("{}/{}", metric, subject)] = value;
         });
  EXPECT_EQ(recorded.at("thrash.exec_max_ms/"), 400);
}

TEST(ThrashFigures, Responsiveness_is_back_when_the_slowest_probe_is) {
  RunRecord run = made_up({}, down_and_back);
  run.probes.wake = probed(260, [](double t) { return t < 90 || t >= 152 ? 1 : 50; });
  run.probes.exec = probed(260, [](double t) { return t < 90 || t >= 162 ? 20 : 500; });
  const ThrashFigures figures = figures_of(run);
  ASSERT_TRUE(figures.responsiveness_recovery);
  EXPECT_TRUE(figures.responsiveness_recovery->seen);
  // The median over three seconds forgives what is left of the slow time, up to half of it.
  EXPECT_NEAR(figures.responsiveness_recovery->seconds, 12, 2);
}

TEST(ThrashFigures, Probes_that_stay_slow_give_a_bound_and_those_that_end_nothing) {
  RunRecord run = made_up({}, down_and_back);
  run.probes.wake = probed(260, [](double) { return 1; });
  run.probes.exec = probed(260, [](double t) { return t < 90 ? 20 : 500; });
  const auto bound = figures_of(run).responsiveness_recovery;
  ASSERT_TRUE(bound);
  EXPECT_FALSE(bound->seen);
  EXPECT_NEAR(bound->seconds, 260 - kWindowSeconds - 150, 0.2);
  run.probes.exec = probed(151, [](double) { return 20; });
  EXPECT_FALSE(figures_of(run).responsiveness_recovery) << "it died a second after demand fitted";
}

TEST(ThrashFigures, Differences_too_small_to_notice_are_none) {
  RunRecord run = made_up({}, down_and_back);
  run.probes.wake = probed(260, [](double t) { return t < 90 ? 0.05 : t < 150 ? 50 : 0.5; });
  const auto recovery = figures_of(run).responsiveness_recovery;
  EXPECT_TRUE(recovery && recovery->seen);
}

TEST(ThrashFigures, What_is_not_known_is_not_recorded) {
  std::map<std::string, double> recorded;
  const auto sink = [&](std::string_view metric, std::string_view subject, double t, double value) {
    EXPECT_EQ(t, 260);
    recorded[fmt::format("{}/{}", metric, subject)] = value;
  };
  RunRecord run = made_up({}, down_and_back);
  run.probes.exec = probed(80, [](double) { return 20; });
  record(figures_of(run), 260, sink);
  EXPECT_EQ(recorded.at("thrash.onset_s/"), 90);
  EXPECT_EQ(recorded.at("thrash.onset_consumers/"), 8);
  EXPECT_NEAR(recorded.at("thrash.depth_percent/"), 10, 1e-6);
  EXPECT_EQ(recorded.at("thrash.fits_again_s/"), 150);
  EXPECT_EQ(recorded.at("thrash.recovery_s/"), 5);
  EXPECT_FALSE(recorded.contains("thrash.recovery_at_least_s/"));
  EXPECT_EQ(recorded.at("thrash.lateness_s/consumer 10"), 0);
  EXPECT_EQ(recorded.at("thrash.exec_p50_ms/before"), 20);
  EXPECT_FALSE(recorded.contains("thrash.exec_p50_ms/during"));
  recorded.clear();
  record(figures_of(made_up({}, [](double t, std::uint32_t) { return t > 90 ? 0.3 : 1; })), 260,
         sink);
  EXPECT_EQ(recorded.at("thrash.recovery_at_least_s/"), 68);
  EXPECT_FALSE(recorded.contains("thrash.recovery_s/")) << "a bound is no recovery";
  recorded.clear();
  record(figures_of({}), 260, sink);
  EXPECT_THAT(recorded, ElementsAre(std::pair("thrash.consumers_killed/", 0.0)));
}

}  // namespace
}  // namespace brim::thrash
