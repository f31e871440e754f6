// SPDX-License-Identifier: Apache-2.0
#include "share/measure/savings.h"

#include "base/rng.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

TEST(SavingsTally, All_pages_examined_give_exact_numbers_without_an_interval) {
  SavingsTally tally;
  for (const double saving : {0.0, 0.5, 0.75, 0.0}) tally.add(saving);
  EXPECT_EQ(tally.total_saving(4).value, 1.25);
  EXPECT_FALSE(tally.total_saving(4).interval.has_value());
  EXPECT_EQ(tally.total_savers(4).value, 2);
  EXPECT_FALSE(tally.total_savers(4).interval.has_value());
}

TEST(SavingsTally, Scales_the_mean_to_the_population) {
  SavingsTally tally;
  for (int i = 0; i < 100; ++i) tally.add(i % 2 == 0 ? 0.5 : 0.0);
  EXPECT_DOUBLE_EQ(tally.total_saving(1000).value, 250);
  EXPECT_DOUBLE_EQ(tally.total_savers(1000).value, 500);
}

TEST(SavingsTally, A_worked_interval) {
  // 60 of 100 pages save 0.5, N = 400: mean 0.3, variance (60*0.25 - 100*0.09)/99 = 0.060606,
  // t(99) = 1.98422, correction sqrt(300/399) = 0.867110: half width 400 * 0.042357 = 16.943.
  SavingsTally tally;
  for (int i = 0; i < 100; ++i) tally.add(i < 60 ? 0.5 : 0.0);
  const Estimate total = tally.total_saving(400);
  ASSERT_TRUE(total.interval.has_value());
  EXPECT_NEAR(total.interval->low, 120 - 16.943, 0.01);
  EXPECT_NEAR(total.interval->high, 120 + 16.943, 0.01);
}

TEST(SavingsTally, No_saver_in_the_sample_still_leaves_room_for_some) {
  SavingsTally tally;
  for (int i = 0; i < 1000; ++i) tally.add(0);
  const Estimate total = tally.total_saving(1000000);
  EXPECT_EQ(total.value, 0);
  EXPECT_EQ(total.interval->low, 0);
  EXPECT_GT(total.interval->high, 1000);
  EXPECT_LT(total.interval->high, 10000);
}

TEST(SavingsTally, Bounds_hold_what_the_sample_holds) {
  SavingsTally tally;
  for (int i = 0; i < 98; ++i) tally.add(0.9);
  tally.add(0);
  tally.add(0);
  const Estimate savers = tally.total_savers(101);
  EXPECT_GE(savers.interval->low, 98);
  EXPECT_LE(savers.interval->high, 99);
  EXPECT_GE(tally.total_saving(101).interval->low, 98 * 0.9 - 1e-9);
}

TEST(SavingsTally, Nothing_examined_is_zero) {
  EXPECT_EQ(SavingsTally().total_saving(100).value, 0);
  EXPECT_EQ(SavingsTally().total_savers(100).value, 0);
}

// Over 1,000 samples without replacement, how often the interval holds the truth.
double coverage(const std::vector<double>& population, std::size_t n, bool savers) {
  const double truth =
      savers ? static_cast<double>(std::count_if(population.begin(), population.end(),
                                                 [](double saving) { return saving > 0; }))
             : std::accumulate(population.begin(), population.end(), 0.0);
  constexpr int kRounds = 1000;
  int held = 0;
  for (int round = 0; round < kRounds; ++round) {
    Rng rng = Rng(21).split("round", static_cast<std::uint64_t>(round));
    std::vector<double> pages = population;
    SavingsTally tally;
    for (std::size_t i = 0; i < n; ++i) {
      std::swap(pages[i], pages[i + rng.below(pages.size() - i)]);
      tally.add(pages[i]);
    }
    const Estimate total =
        savers ? tally.total_savers(population.size()) : tally.total_saving(population.size());
    if (total.interval->low <= truth && truth <= total.interval->high) ++held;
  }
  return static_cast<double>(held) / kRounds;
}

std::vector<double> population_with(double share_of_savers, std::size_t size) {
  Rng rng(22);
  std::vector<double> pages(size);
  for (double& saving : pages) {
    if (rng.chance(share_of_savers)) saving = 0.5 + 0.5 * rng.uniform();
  }
  return pages;
}

TEST(SavingsTally, Intervals_cover_the_truth_about_95_percent_of_the_time) {
  for (const double share : {0.02, 0.1, 0.5, 0.9}) {
    const std::vector<double> population = population_with(share, 8000);
    for (const bool savers : {false, true}) {
      const double held = coverage(population, 1000, savers);
      EXPECT_GE(held, 0.93) << "share " << share << (savers ? " savers" : " saving");
      EXPECT_LE(held, 0.97) << "share " << share << (savers ? " savers" : " saving");
    }
  }
}

TEST(SavingsTally, The_finite_population_correction_matters_and_is_right) {
  // Three quarters of all pages examined: without the correction the interval would be twice as
  // wide and cover nearly always.
  const double held = coverage(population_with(0.5, 2000), 1500, false);
  EXPECT_GE(held, 0.93);
  EXPECT_LE(held, 0.97);
}

}  // namespace
}  // namespace brim::share
