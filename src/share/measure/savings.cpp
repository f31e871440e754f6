// SPDX-License-Identifier: Apache-2.0
#include "share/measure/savings.h"

#include <algorithm>
#include <cmath>

namespace brim::share {
namespace {

constexpr double kConfidence = 0.95;

// Student's t quantile from the normal one by the Cornish-Fisher expansion (Abramowitz & Stegun
// 26.7.5); to three digits from 8 degrees of freedom on.
double student_quantile(double z, double degrees) {
  const double z3 = z * z * z;
  const double z5 = z3 * z * z;
  const double z7 = z5 * z * z;
  return z + (z3 + z) / (4 * degrees) + (5 * z5 + 16 * z3 + 3 * z) / (96 * degrees * degrees) +
         (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * degrees * degrees * degrees);
}

// The estimate from an interval of the mean, kept within what is certain: at least `seen` in the
// sample, at most one page for every page not examined besides.
Estimate scaled(double mean, Interval interval, double seen, double examined, double population) {
  const double most = seen + (population - examined);
  return Estimate{.value = mean * population,
                  .interval = Interval{.low = std::clamp(interval.low * population, seen, most),
                                       .high = std::clamp(interval.high * population, seen, most)}};
}

}  // namespace

Interval SavingsTally::share_of_savers(double population) const {
  const auto n = static_cast<double>(examined_);
  const double share = static_cast<double>(savers_) / n;
  const double z = normal_quantile_two_sided(kConfidence);
  // Finite population: a sample of n out of N is worth n (N-1)/(N-n) independent draws.
  const double draws = n * (population - 1) / (population - n);
  const double z2 = z * z / draws;
  const double centre = (share + z2 / 2) / (1 + z2);
  const double half =
      z / (1 + z2) * std::sqrt(share * (1 - share) / draws + z * z / (4 * draws * draws));
  return {.low = std::max(0.0, centre - half), .high = std::min(1.0, centre + half)};
}

Interval SavingsTally::mean_interval(double population) const {
  const auto n = static_cast<double>(examined_);
  if (savers_ < kFew) {
    const Interval share = share_of_savers(population);
    const double each = savers_ == 0 ? 1.0 : sum_ / static_cast<double>(savers_);
    return {.low = share.low * each, .high = share.high * each};
  }
  const double mean = sum_ / n;
  const double variance = std::max(0.0, (sum_of_squares_ - n * mean * mean) / (n - 1));
  const double correction = std::sqrt((population - n) / (population - 1));
  const double half = student_quantile(normal_quantile_two_sided(kConfidence), n - 1) *
                      std::sqrt(variance / n) * correction;
  return {.low = mean - half, .high = mean + half};
}

Estimate SavingsTally::total_saving(std::uint64_t population) const {
  if (examined_ == 0 || population <= examined_) return Estimate{.value = sum_, .interval = {}};
  const auto all = static_cast<double>(population);
  const auto n = static_cast<double>(examined_);
  return scaled(sum_ / n, mean_interval(all), sum_, n, all);
}

Estimate SavingsTally::total_savers(std::uint64_t population) const {
  const auto savers = static_cast<double>(savers_);
  if (examined_ == 0 || population <= examined_) return Estimate{.value = savers, .interval = {}};
  const auto all = static_cast<double>(population);
  const auto n = static_cast<double>(examined_);
  return scaled(savers / n, share_of_savers(all), savers, n, all);
}

}  // namespace brim::share
