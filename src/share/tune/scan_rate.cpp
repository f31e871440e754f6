// SPDX-License-Identifier: Apache-2.0
#include "share/tune/scan_rate.h"

#include <algorithm>
#include <cmath>

namespace brim::share::tune {
namespace {

constexpr double kNsPerMs = 1e6;
constexpr double kNsPerS = 1e9;
constexpr double kUsualSleepMs = 100;
// A wake-up costs about as much as ten pages: a batch of these hides it.
constexpr double kSmallestBatch = 500;
constexpr double kLargestBatch = 500'000;

}  // namespace

double ScanRate::cpu_percent(double cost_ns) const {
  const double batch = static_cast<double>(pages_to_scan) * cost_ns;
  return 100 * batch / (batch + static_cast<double>(sleep.count()) * kNsPerMs);
}

double ScanRate::pages_per_s(double cost_ns) const {
  const double pages = static_cast<double>(pages_to_scan);
  return pages * kNsPerS / (pages * cost_ns + static_cast<double>(sleep.count()) * kNsPerMs);
}

ScanRate rate_within(double budget_percent, double cost_ns, std::uint64_t most_pages_per_s) {
  const double budget = budget_percent / 100;
  // A batch b and a sleep s keep within the budget where b / (b + s) is not more.
  double usual = kUsualSleepMs * kNsPerMs * budget / (1 - budget) / cost_ns;
  if (most_pages_per_s > 0)
    usual = std::min(usual, static_cast<double>(most_pages_per_s) * kUsualSleepMs / 1000);
  const double pages = std::clamp(std::floor(usual), kSmallestBatch, kLargestBatch);
  const double busy = pages * cost_ns;
  double sleep = busy * (1 - budget) / budget;
  if (most_pages_per_s > 0)
    sleep = std::max(sleep, pages * kNsPerS / static_cast<double>(most_pages_per_s) - busy);
  // A rounding error above a whole millisecond is not another one.
  const double whole = std::max(1.0, std::ceil(sleep / kNsPerMs - 1e-6));
  return {static_cast<std::uint64_t>(pages),
          std::chrono::milliseconds(static_cast<std::int64_t>(whole))};
}

}  // namespace brim::share::tune
