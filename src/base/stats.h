// SPDX-License-Identifier: Apache-2.0
#pragma once
// Statistics of small samples. Quantiles and distributions come from Boost.Math.
// Values are finite. Empty input is a caller's bug where a value is returned plainly; where it is
// ordinary (too few runs), the result is an optional. 0 < confidence < 1.
//
// Intervals and tests take the values as independent draws: samples of one run over time are not
// quite that, and their intervals come out too narrow.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace brim {

struct Interval {
  double low = 0;
  double high = 0;
};

struct Summary {
  std::size_t n = 0;
  double mean = 0;
  double sample_sd = 0;  // n-1 in the denominator; 0 for n < 2
  double minimum = 0;
  double median = 0;
  double maximum = 0;
};

// Compensated sum over n (Neumaier 1974).
[[nodiscard]] double mean(std::span<const double> values);
// Square root of the unbiased variance (corrected two-pass, Chan, Golub & LeVeque 1983); 0 for
// fewer than two values.
[[nodiscard]] double sample_sd(std::span<const double> values);
// Linear interpolation between order statistics (Hyndman & Fan 1996, type 7). 0 <= percent <= 100.
[[nodiscard]] double percentile(std::vector<double> values, double percent);
[[nodiscard]] Summary summarize(std::span<const double> values);

// Two-sided Student-t confidence interval of the mean. Nothing for fewer than two values.
[[nodiscard]] std::optional<Interval> student_t_interval(std::span<const double> values,
                                                         double confidence = 0.95);
// Welch's interval of mean(b) - mean(a), Welch-Satterthwaite degrees of freedom.
[[nodiscard]] std::optional<Interval> welch_interval(std::span<const double> a,
                                                     std::span<const double> b,
                                                     double confidence = 0.95);
// Two-sided normal quantile: 1.959964 for 0.95.
[[nodiscard]] double normal_quantile_two_sided(double confidence);
// P(chi-squared with that many degrees of freedom >= statistic).
[[nodiscard]] double chi_squared_upper_tail(double statistic, double degrees_of_freedom);

struct RankTest {
  double u = 0;        // Mann-Whitney U of the first sample: pairs with a > b, ties count a half
  double p_value = 1;  // two-sided
  bool exact = false;  // both n <= 20: the exact permutation distribution, ties as they are; else
                       // the normal approximation with tie and continuity correction
};
// Mann & Whitney 1947. Nothing where a sample is empty.
[[nodiscard]] std::optional<RankTest> mann_whitney(std::span<const double> a,
                                                   std::span<const double> b);
// The least two-sided p-value that samples of these sizes can reach, 2 / C(n_a + n_b, n_a): where
// it is 0.05 or more, the test cannot see any difference at that level.
[[nodiscard]] double least_rank_test_p(std::size_t n_a, std::size_t n_b);

}  // namespace brim
