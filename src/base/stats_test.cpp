// SPDX-License-Identifier: Apache-2.0
#include "base/stats.h"

#include "base/rng.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numbers>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim {
namespace {

using Values = std::vector<double>;

// Student (1908), extra hours of sleep under two drugs; R ships it as `sleep`.
const Values kSleepOne = {0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0};
const Values kSleepTwo = {1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4};

double standard_normal(Rng& rng) {  // Box & Muller 1958
  const double radius = std::sqrt(-2 * std::log(1 - rng.uniform()));
  return radius * std::cos(2 * std::numbers::pi * rng.uniform());
}

Values normal_sample(Rng& rng, std::size_t n, double centre, double sd) {
  Values values(n);
  for (double& value : values) value = centre + sd * standard_normal(rng);
  return values;
}

TEST(Mean, Does_not_lose_small_values_beside_large_ones) {
  EXPECT_EQ(mean(Values{1e16, 1.0, -1e16, 1.0}), 0.5);
  EXPECT_EQ(mean(Values{7.25}), 7.25);
}

// NIST Statistical Reference Datasets, univariate: certified means and standard deviations.
TEST(SampleSd, Meets_the_certified_values_of_NIST) {
  const Values num_acc_1 = {10000001, 10000003, 10000002};
  EXPECT_DOUBLE_EQ(mean(num_acc_1), 10000002);
  EXPECT_DOUBLE_EQ(sample_sd(num_acc_1), 1);
  Values num_acc_3 = {1000000.2};
  Values num_acc_4 = {10000000.2};
  for (int i = 0; i < 500; ++i) {
    num_acc_3.insert(num_acc_3.end(), {1000000.1, 1000000.3});
    num_acc_4.insert(num_acc_4.end(), {10000000.1, 10000000.3});
  }
  EXPECT_NEAR(sample_sd(num_acc_3), 0.1, 1e-10);
  EXPECT_NEAR(sample_sd(num_acc_4), 0.1, 1e-8);
  EXPECT_NEAR(mean(num_acc_4), 10000000.2, 1e-8);
}

// Veiga 2015, Table 5.2: KVM's five repeats; the sample standard deviation recomputed is 16.97.
TEST(SampleSd, Recomputes_the_study_of_memory_sharing) {
  const Values kvm = {965, 1005, 981, 1004, 995};
  EXPECT_DOUBLE_EQ(mean(kvm), 990);
  EXPECT_NEAR(sample_sd(kvm), 16.97, 0.005);
}

TEST(SampleSd, Is_zero_below_two_values) {
  EXPECT_EQ(sample_sd(Values{}), 0);
  EXPECT_EQ(sample_sd(Values{3}), 0);
}

TEST(SampleSd, Of_equal_values_is_exactly_zero) { EXPECT_EQ(sample_sd(Values(1000, 0.1)), 0); }

TEST(Percentile, Is_type_7_of_Hyndman_and_Fan) {
  // R: quantile(c(15, 20, 35, 40, 50), c(0, .05, .3, .4, .5, 1)).
  const Values values = {50, 15, 40, 20, 35};
  EXPECT_DOUBLE_EQ(percentile(values, 0), 15);
  EXPECT_DOUBLE_EQ(percentile(values, 5), 16);
  EXPECT_DOUBLE_EQ(percentile(values, 30), 23);
  EXPECT_DOUBLE_EQ(percentile(values, 40), 29);
  EXPECT_DOUBLE_EQ(percentile(values, 50), 35);
  EXPECT_DOUBLE_EQ(percentile(values, 100), 50);
}

TEST(Percentile, Of_one_value_is_that_value) {
  for (const double percent : {0.0, 37.0, 100.0}) EXPECT_EQ(percentile({4.5}, percent), 4.5);
}

TEST(Percentile, Never_falls_as_the_percentage_grows) {
  Rng rng(3);
  const Values values = normal_sample(rng, 37, 0, 5);
  double before = -1e9;
  for (int percent = 0; percent <= 100; ++percent) {
    const double now = percentile(values, percent);
    EXPECT_GE(now, before);
    before = now;
  }
}

TEST(Summarize, Agrees_with_its_parts_and_takes_nothing) {
  const Summary summary = summarize(kSleepOne);
  EXPECT_EQ(summary.n, 10U);
  EXPECT_NEAR(summary.mean, 0.75, 1e-12);
  EXPECT_NEAR(summary.sample_sd, 1.78901, 1e-5);
  EXPECT_EQ(summary.minimum, -1.6);
  EXPECT_NEAR(summary.median, 0.35, 1e-12);
  EXPECT_EQ(summary.maximum, 3.7);
  EXPECT_EQ(summarize(Values{}).n, 0U);
}

TEST(StudentT, Interval_is_that_of_Students_own_data) {
  // R: t.test(extra, data = sleep, subset = group == 1)
  const auto interval = student_t_interval(kSleepOne);
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, -0.5297804, 1e-7);
  EXPECT_NEAR(interval->high, 2.0297804, 1e-7);
}

TEST(StudentT, Interval_uses_the_tables_quantiles) {
  // Two-sided 95 % and 99 % points of t (any table): degrees of freedom 1, 4, 9, 30.
  struct Row {
    std::size_t n;
    double t95;
    double t99;
  };
  for (const Row row : {Row{2, 12.706, 63.657}, Row{5, 2.776, 4.604}, Row{10, 2.262, 3.250},
                        Row{31, 2.042, 2.750}}) {
    Values values(row.n);
    std::iota(values.begin(), values.end(), 0.0);
    const double error = sample_sd(values) / std::sqrt(static_cast<double>(row.n));
    EXPECT_NEAR((student_t_interval(values)->high - mean(values)) / error, row.t95, 0.0006);
    EXPECT_NEAR((student_t_interval(values, 0.99)->high - mean(values)) / error, row.t99, 0.0006);
  }
}

TEST(StudentT, Interval_needs_two_values) {
  EXPECT_FALSE(student_t_interval(Values{}));
  EXPECT_FALSE(student_t_interval(Values{1}));
  const auto flat = student_t_interval(Values{2, 2});
  ASSERT_TRUE(flat);
  EXPECT_EQ(flat->low, 2);
  EXPECT_EQ(flat->high, 2);
}

TEST(StudentT, Interval_covers_the_mean_as_often_as_it_says) {
  constexpr int kTrials = 20'000;
  Rng rng = Rng(11).split("coverage");
  for (const double confidence : {0.80, 0.95}) {
    int covered = 0;
    for (int trial = 0; trial < kTrials; ++trial) {
      const auto interval = student_t_interval(normal_sample(rng, 4, 100, 7), confidence);
      covered += interval->low <= 100 && 100 <= interval->high ? 1 : 0;
    }
    const double four_errors = 4 * std::sqrt(confidence * (1 - confidence) / kTrials);
    EXPECT_NEAR(static_cast<double>(covered) / kTrials, confidence, four_errors);
  }
}

TEST(Welch, Interval_is_that_of_Students_own_data) {
  // R: t.test(extra ~ group, data = sleep); ours is the second minus the first.
  const auto interval = welch_interval(kSleepOne, kSleepTwo);
  ASSERT_TRUE(interval);
  EXPECT_NEAR(interval->low, -0.2054832, 1e-7);
  EXPECT_NEAR(interval->high, 3.3654832, 1e-7);
}

TEST(Welch, Interval_covers_though_spreads_and_sizes_differ) {
  constexpr int kTrials = 10'000;
  Rng rng = Rng(12).split("coverage");
  int covered = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Values a = normal_sample(rng, 20, 10, 1);
    const Values b = normal_sample(rng, 6, 13, 5);
    const auto interval = welch_interval(a, b);
    covered += interval->low <= 3 && 3 <= interval->high ? 1 : 0;
  }
  // Welch's is an approximation: within a percent here.
  EXPECT_NEAR(static_cast<double>(covered) / kTrials, 0.95, 0.01);
}

TEST(Welch, Interval_survives_no_spread_and_tiny_spread) {
  EXPECT_FALSE(welch_interval(Values{1}, Values{1, 2}));
  const auto flat = welch_interval(Values{1, 1}, Values{4, 4, 4});
  EXPECT_EQ(flat->low, 3);
  EXPECT_EQ(flat->high, 3);
  const auto one_side = welch_interval(Values{1, 1, 1}, Values{4, 5, 6});
  const auto alone = student_t_interval(Values{4, 5, 6});
  EXPECT_NEAR(one_side->low, alone->low - 1, 1e-12);
  EXPECT_NEAR(one_side->high, alone->high - 1, 1e-12);
  const auto tiny = welch_interval(Values{0, 1e-140}, Values{0, 3e-140});
  EXPECT_TRUE(std::isfinite(tiny->low) && std::isfinite(tiny->high));
  EXPECT_LT(tiny->low, tiny->high);
}

TEST(NormalQuantile, Is_the_familiar_one) {
  EXPECT_NEAR(normal_quantile_two_sided(0.95), 1.959963984540054, 1e-12);
  EXPECT_NEAR(normal_quantile_two_sided(0.99), 2.5758293035489, 1e-12);
}

// Hollander & Wolfe 1973, p. 69: permeability of the human chorioamnion at term and earlier.
// One-sided P(W >= 35) = 0.1272 (also the example of R's wilcox.test).
TEST(MannWhitney, Agrees_with_Hollander_and_Wolfe) {
  const Values at_term = {0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46};
  const Values earlier = {1.15, 0.88, 0.90, 0.74, 1.21};
  const auto test = mann_whitney(at_term, earlier);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->u, 35);
  EXPECT_TRUE(test->exact);
  EXPECT_NEAR(test->p_value, 2 * 0.1272, 0.0001);
}

// R, wilcox.test: Ozone in May against August of `airquality`, W = 127.5, p-value = 0.0001208.
TEST(MannWhitney, Agrees_with_R_on_many_tied_values) {
  const Values may = {41, 36, 12, 18, 28, 23, 19, 8, 7,  16, 11, 14,  18,
                      14, 34, 6,  30, 11, 1,  11, 4, 32, 23, 45, 115, 37};
  const Values august = {39, 9,  16, 78, 35, 66, 122, 89,  110, 44, 28,  65, 22,
                         59, 23, 31, 44, 21, 9,  45,  168, 73,  76, 118, 84, 85};
  const auto test = mann_whitney(may, august);
  ASSERT_TRUE(test);
  EXPECT_EQ(test->u, 127.5);
  EXPECT_FALSE(test->exact);
  EXPECT_NEAR(test->p_value, 0.0001208, 5e-8);
}

// Ranks chosen so that the first sample's U is `u`: no ties.
std::pair<Values, Values> samples_with_u(std::size_t n_a, std::size_t n_b, std::size_t u) {
  Values a;
  Values b;
  for (std::size_t i = 0; i < n_b; ++i) b.push_back(static_cast<double>(i));
  std::size_t left = u;
  for (std::size_t i = 0; i < n_a; ++i) {
    const std::size_t wins = std::min(left, n_b);
    left -= wins;
    a.push_back(static_cast<double>(wins) - 0.5 - 0.001 * static_cast<double>(i));
  }
  return {a, b};
}

// Two-sided critical values at 0.05 and 0.01, as printed in textbooks (Mann & Whitney's tables):
// the largest U that is significant.
TEST(MannWhitney, Is_significant_up_to_the_tables_critical_values) {
  struct Row {
    std::size_t n_a;
    std::size_t n_b;
    std::size_t critical_05;
    std::size_t critical_01;
  };
  for (const Row row : {Row{5, 5, 2, 0}, Row{5, 8, 6, 2}, Row{8, 8, 13, 7}, Row{10, 10, 23, 16},
                        Row{7, 15, 24, 16}, Row{20, 20, 127, 105}}) {
    const auto p = [&row](std::size_t u) {
      const auto [a, b] = samples_with_u(row.n_a, row.n_b, u);
      const auto test = mann_whitney(a, b);
      EXPECT_EQ(test->u, static_cast<double>(u));
      EXPECT_TRUE(test->exact);
      return test->p_value;
    };
    EXPECT_LE(p(row.critical_05), 0.05) << row.n_a << " and " << row.n_b;
    EXPECT_GT(p(row.critical_05 + 1), 0.05) << row.n_a << " and " << row.n_b;
    EXPECT_LE(p(row.critical_01), 0.01) << row.n_a << " and " << row.n_b;
    EXPECT_GT(p(row.critical_01 + 1), 0.01) << row.n_a << " and " << row.n_b;
  }
}

double u_of(const Values& a, const Values& b) {
  double u = 0;
  for (const double x : a)
    for (const double y : b) u += x > y ? 1 : x == y ? 0.5 : 0;
  return u;
}

// The definition itself: every way to deal the values out, ties as they are.
double p_by_enumeration(const Values& a, const Values& b) {
  Values all = a;
  all.insert(all.end(), b.begin(), b.end());
  const double centre = static_cast<double>(a.size() * b.size()) / 2;
  const double seen = std::abs(u_of(a, b) - centre);
  int as_far_out = 0;
  int deals = 0;
  for (unsigned mask = 0; mask < 1U << all.size(); ++mask) {
    if (static_cast<std::size_t>(std::popcount(mask)) != a.size()) continue;
    Values first;
    Values second;
    for (std::size_t i = 0; i < all.size(); ++i)
      ((mask >> i & 1U) != 0 ? first : second).push_back(all[i]);
    ++deals;
    as_far_out += std::abs(u_of(first, second) - centre) >= seen ? 1 : 0;
  }
  return static_cast<double>(as_far_out) / deals;
}

TEST(MannWhitney, Equals_enumeration_with_and_without_ties) {
  Rng rng(21);
  for (int trial = 0; trial < 40; ++trial) {
    Values a(1 + rng.below(5));
    Values b(1 + rng.below(6));
    const std::uint64_t variety = trial % 2 == 0 ? 4 : 1'000'000;
    for (double& value : a) value = static_cast<double>(rng.below(variety));
    for (double& value : b) value = static_cast<double>(rng.below(variety));
    const auto test = mann_whitney(a, b);
    EXPECT_EQ(test->u, u_of(a, b));
    EXPECT_NEAR(test->p_value, p_by_enumeration(a, b), 1e-12);
  }
}

TEST(MannWhitney, Mirrors_when_the_samples_change_places) {
  Rng rng(22);
  const Values a = normal_sample(rng, 13, 0, 1);
  const Values b = normal_sample(rng, 9, 0.4, 1);
  const auto one = mann_whitney(a, b);
  const auto other = mann_whitney(b, a);
  EXPECT_EQ(one->u + other->u, 13.0 * 9.0);
  EXPECT_NEAR(one->p_value, other->p_value, 1e-12);
}

TEST(MannWhitney, Exact_and_approximate_meet_at_the_limit) {
  Rng rng(23);
  const Values b = normal_sample(rng, 20, 0.5, 1);
  Values a = normal_sample(rng, 20, 0, 1);
  const auto exact = mann_whitney(a, b);
  a.push_back(percentile(a, 50) + 1e-9);
  const auto approximate = mann_whitney(a, b);
  EXPECT_TRUE(exact->exact);
  EXPECT_FALSE(approximate->exact);
  EXPECT_NEAR(exact->p_value, approximate->p_value, 0.03);
}

TEST(MannWhitney, Says_nothing_of_equal_values_or_an_empty_side) {
  EXPECT_EQ(mann_whitney(Values(5, 1.0), Values(5, 1.0))->p_value, 1);
  EXPECT_EQ(mann_whitney(Values(25, 1.0), Values(25, 1.0))->p_value, 1);
  EXPECT_FALSE(mann_whitney(Values{}, Values{1}));
  EXPECT_FALSE(mann_whitney(Values{1}, Values{}));
}

TEST(MannWhitney, Cries_wolf_at_most_as_often_as_it_says) {
  constexpr int kTrials = 4'000;
  Rng rng = Rng(24).split("null");
  int alarms = 0;
  for (int trial = 0; trial < kTrials; ++trial) {
    const Values a = normal_sample(rng, 8, 0, 1);
    const Values b = normal_sample(rng, 8, 0, 1);
    alarms += mann_whitney(a, b)->p_value < 0.05 ? 1 : 0;
  }
  // The exact test's level for 8 and 8 is 0.0499 (U <= 13).
  EXPECT_NEAR(static_cast<double>(alarms) / kTrials, 0.05, 4 * std::sqrt(0.05 * 0.95 / kTrials));
}

// Tables: 3.841 at 1 degree and 18.307 at 10 leave 5 %; at 2 degrees the tail is exp(-x/2).
TEST(ChiSquaredUpperTail, Agrees_with_tables) {
  EXPECT_NEAR(chi_squared_upper_tail(3.841, 1), 0.05, 1e-4);
  EXPECT_NEAR(chi_squared_upper_tail(18.307, 10), 0.05, 1e-4);
  EXPECT_NEAR(chi_squared_upper_tail(7, 2), std::exp(-3.5), 1e-12);
  EXPECT_EQ(chi_squared_upper_tail(0, 5), 1);
}

TEST(LeastRankTestP, Is_what_full_separation_reaches) {
  for (const auto& [n_a, n_b] : {std::pair{1, 1}, {3, 3}, {3, 4}, {4, 4}, {2, 8}, {20, 20}}) {
    Values a(static_cast<std::size_t>(n_a));
    Values b(static_cast<std::size_t>(n_b));
    std::iota(a.begin(), a.end(), 0.0);
    std::iota(b.begin(), b.end(), 100.0);
    EXPECT_NEAR(least_rank_test_p(a.size(), b.size()) / mann_whitney(a, b)->p_value, 1, 1e-9);
  }
  EXPECT_NEAR(least_rank_test_p(3, 3), 0.1, 1e-12);
  EXPECT_EQ(least_rank_test_p(5000, 5000), 0);
  EXPECT_EQ(least_rank_test_p(0, 5), 1);
}

}  // namespace
}  // namespace brim
