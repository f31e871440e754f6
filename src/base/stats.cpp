// SPDX-License-Identifier: Apache-2.0
#include "base/stats.h"

#include "base/result.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numbers>

#include <boost/math/distributions/chi_squared.hpp>
#include <boost/math/distributions/normal.hpp>
#include <boost/math/distributions/students_t.hpp>

namespace brim {
namespace {

constexpr std::size_t kExactRankTestLimit =
    20;  // C(40, 20) arrangements still fit a double exactly

double compensated_sum(std::span<const double> values) {
  double sum = 0;
  double lost = 0;
  for (const double value : values) {
    const double next = sum + value;
    lost += std::abs(sum) >= std::abs(value) ? (sum - next) + value : (value - next) + sum;
    sum = next;
  }
  return sum + lost;
}

double sample_variance(std::span<const double> values) {
  if (values.size() < 2) return 0;
  const double centre = mean(values);
  double squares = 0;
  double deviations = 0;  // 0 but for rounding: corrects for the rounding of the mean
  for (const double value : values) {
    const double deviation = value - centre;
    squares += deviation * deviation;
    deviations += deviation;
  }
  const auto n = static_cast<double>(values.size());
  return std::max(0.0, (squares - deviations * deviations / n) / (n - 1));
}

double student_t_quantile_two_sided(double degrees_of_freedom, double confidence) {
  BRIM_ASSERT(confidence > 0 && confidence < 1);
  const boost::math::students_t distribution(degrees_of_freedom);
  return boost::math::quantile(boost::math::complement(distribution, (1 - confidence) / 2));
}

// Two samples thrown together and ranked from 1; tied values share the mean of their ranks.
// Doubled, so that a shared rank is a whole number too.
struct Ranks {
  std::vector<std::size_t> doubled;      // of all values, ascending
  std::size_t doubled_sum_of_first = 0;  // of the first sample's
  double tie_term = 0;                   // sum over groups of t^3 - t
};

Ranks rank_together(std::span<const double> a, std::span<const double> b) {
  struct Item {
    double value;
    bool first;
  };
  std::vector<Item> items;
  items.reserve(a.size() + b.size());
  for (const double value : a) items.push_back({value, true});
  for (const double value : b) items.push_back({value, false});
  std::sort(items.begin(), items.end(), [](Item x, Item y) { return x.value < y.value; });
  Ranks ranks;
  for (std::size_t begin = 0; begin < items.size();) {
    std::size_t end = begin;
    std::size_t of_first = 0;
    while (end < items.size() && items[end].value == items[begin].value)
      of_first += items[end++].first ? 1 : 0;
    const std::size_t doubled_rank = begin + 1 + end;
    ranks.doubled.insert(ranks.doubled.end(), end - begin, doubled_rank);
    ranks.doubled_sum_of_first += doubled_rank * of_first;
    const auto tied = static_cast<double>(end - begin);
    ranks.tie_term += tied * tied * tied - tied;
    begin = end;
  }
  return ranks;
}

// P(|U - its mean| >= what was seen) when both samples come from one distribution: the share of the
// C(n_a + n_b, n_a) ways to choose the first sample's ranks that lie as far out, ties as they are.
// arrangements[k][s]: ways to choose k of the ranks looked at so far with doubled sum s; one pass
// over the ranks, each taken or not. The counts are whole and below 2^53, so the sums are exact.
double exact_p_value(const Ranks& ranks, std::size_t n_a) {
  const std::size_t largest_sum = n_a * ranks.doubled.back();
  std::vector<std::vector<double>> arrangements(n_a + 1, std::vector<double>(largest_sum + 1, 0.0));
  arrangements[0][0] = 1;
  for (const std::size_t rank : ranks.doubled)
    for (std::size_t k = n_a; k > 0; --k)
      for (std::size_t sum = rank; sum <= largest_sum; ++sum)
        arrangements[k][sum] += arrangements[k - 1][sum - rank];
  const std::size_t centre = n_a * (ranks.doubled.size() + 1);
  const auto distance = [centre](std::size_t sum) {
    return sum > centre ? sum - centre : centre - sum;
  };
  double as_far_out = 0;
  double all = 0;
  for (std::size_t sum = 0; sum <= largest_sum; ++sum) {
    all += arrangements[n_a][sum];
    if (distance(sum) >= distance(ranks.doubled_sum_of_first)) as_far_out += arrangements[n_a][sum];
  }
  return as_far_out / all;
}

double normal_approximation(double u, double n_a, double n_b, double tie_term) {
  const double n = n_a + n_b;
  const double variance = n_a * n_b / 12 * ((n + 1) - tie_term / (n * (n - 1)));
  if (!(variance > 0)) return 1;  // all values equal: nothing speaks against one distribution
  const double distance = std::max(0.0, std::abs(u - n_a * n_b / 2) - 0.5);
  return std::min(1.0, std::erfc(distance / std::sqrt(variance) / std::numbers::sqrt2));
}

}  // namespace

double mean(std::span<const double> values) {
  BRIM_ASSERT(!values.empty());
  return compensated_sum(values) / static_cast<double>(values.size());
}

double sample_sd(std::span<const double> values) { return std::sqrt(sample_variance(values)); }

double percentile(std::vector<double> values, double percent) {
  BRIM_ASSERT(!values.empty());
  BRIM_ASSERT(percent >= 0 && percent <= 100);
  std::sort(values.begin(), values.end());
  const double position = percent / 100 * static_cast<double>(values.size() - 1);
  const auto below = static_cast<std::size_t>(position);
  const std::size_t above = std::min(below + 1, values.size() - 1);
  return std::lerp(values[below], values[above], position - static_cast<double>(below));
}

Summary summarize(std::span<const double> values) {
  Summary summary;
  summary.n = values.size();
  if (values.empty()) return summary;
  summary.mean = mean(values);
  summary.sample_sd = sample_sd(values);
  const auto [least, greatest] = std::minmax_element(values.begin(), values.end());
  summary.minimum = *least;
  summary.maximum = *greatest;
  summary.median = percentile(std::vector<double>(values.begin(), values.end()), 50);
  return summary;
}

std::optional<Interval> student_t_interval(std::span<const double> values, double confidence) {
  if (values.size() < 2) return std::nullopt;
  const auto n = static_cast<double>(values.size());
  const double half =
      student_t_quantile_two_sided(n - 1, confidence) * sample_sd(values) / std::sqrt(n);
  const double centre = mean(values);
  return Interval{centre - half, centre + half};
}

std::optional<Interval> welch_interval(std::span<const double> a, std::span<const double> b,
                                       double confidence) {
  if (a.size() < 2 || b.size() < 2) return std::nullopt;
  const auto n_a = static_cast<double>(a.size());
  const auto n_b = static_cast<double>(b.size());
  const double error_a = sample_variance(a) / n_a;  // squared standard errors
  const double error_b = sample_variance(b) / n_b;
  const double difference = mean(b) - mean(a);
  const double error = error_a + error_b;
  if (!(error > 0)) return Interval{difference, difference};  // no spread at all on either side
  // The shares first: squares of tiny variances would underflow.
  const double share_a = error_a / error;
  const double share_b = error_b / error;
  const double degrees = 1 / (share_a * share_a / (n_a - 1) + share_b * share_b / (n_b - 1));
  const double half = student_t_quantile_two_sided(degrees, confidence) * std::sqrt(error);
  return Interval{difference - half, difference + half};
}

double normal_quantile_two_sided(double confidence) {
  BRIM_ASSERT(confidence > 0 && confidence < 1);
  return boost::math::quantile(
      boost::math::complement(boost::math::normal(), (1 - confidence) / 2));
}

double chi_squared_upper_tail(double statistic, double degrees_of_freedom) {
  BRIM_ASSERT(statistic >= 0 && degrees_of_freedom > 0);
  return boost::math::cdf(
      boost::math::complement(boost::math::chi_squared(degrees_of_freedom), statistic));
}

std::optional<RankTest> mann_whitney(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return std::nullopt;
  const auto n_a = static_cast<double>(a.size());
  const auto n_b = static_cast<double>(b.size());
  const Ranks ranks = rank_together(a, b);
  RankTest test;
  test.u = static_cast<double>(ranks.doubled_sum_of_first) / 2 - n_a * (n_a + 1) / 2;
  test.exact = a.size() <= kExactRankTestLimit && b.size() <= kExactRankTestLimit;
  test.p_value = test.exact ? exact_p_value(ranks, a.size())
                            : normal_approximation(test.u, n_a, n_b, ranks.tie_term);
  return test;
}

double least_rank_test_p(std::size_t n_a, std::size_t n_b) {
  double arrangements = 1;  // grows past any double for large samples: then the result is 0
  for (std::size_t i = 1; i <= std::min(n_a, n_b); ++i)
    arrangements *= static_cast<double>(std::max(n_a, n_b) + i) / static_cast<double>(i);
  return std::min(1.0, 2 / arrangements);
}

}  // namespace brim
