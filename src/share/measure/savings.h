// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what the pages of a sample save to what all pages save, with a 95 % interval.
//
// The sample is uniform without replacement. Many savers: mean +- t * sd / sqrt(n), shrunk by the
// finite population correction sqrt((N - n) / (N - 1)). Few savers (fewer than kFew): the mean's
// distribution is too skewed for that; Wilson's score interval of the share of savers (Wilson 1927,
// JASA 22:209) times the mean saving of those. No savers at all: a saver is
// taken to save a whole page. Bounds never contradict what the sample itself holds.

#include "base/stats.h"
#include "share/measure/scan.h"

#include <cstdint>

namespace brim::share {

class SavingsTally {
 public:
  // A page's saving, in [0, 1] pages.
  void add(double saving) {
    ++examined_;
    if (saving <= 0) return;
    ++savers_;
    sum_ += saving;
    sum_of_squares_ += saving * saving;
  }

  [[nodiscard]] std::uint64_t examined() const { return examined_; }
  [[nodiscard]] std::uint64_t savers() const { return savers_; }
  [[nodiscard]] double sum() const { return sum_; }

  // Pages saved over `population` pages, and how many save anything. Without an interval when all
  // of them were examined. A population smaller than what was examined is taken as that.
  [[nodiscard]] Estimate total_saving(std::uint64_t population) const;
  [[nodiscard]] Estimate total_savers(std::uint64_t population) const;

 private:
  static constexpr std::uint64_t kFew = 30;

  [[nodiscard]] Interval share_of_savers(double population) const;
  [[nodiscard]] Interval mean_interval(double population) const;

  std::uint64_t examined_ = 0;
  std::uint64_t savers_ = 0;
  double sum_ = 0;
  double sum_of_squares_ = 0;
};

}  // namespace brim::share
