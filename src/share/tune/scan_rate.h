// SPDX-License-Identifier: Apache-2.0
#pragma once
// How fast ksmd may go: as many pages a batch, and as long a sleep between batches, as a budget of
// processor time allows at what a page costs. Few large batches cost less than many small ones.

#include <chrono>
#include <cstdint>

namespace brim::share::tune {

struct ScanRate {
  std::uint64_t pages_to_scan = 0;
  std::chrono::milliseconds sleep{0};

  // Of one processor, while ksmd scans.
  [[nodiscard]] double cpu_percent(double cost_ns) const;
  [[nodiscard]] double pages_per_s(double cost_ns) const;
};

// The fastest within both bounds; `most_pages_per_s` 0 is none. 0 < budget_percent < 100,
// cost_ns > 0, a page's.
[[nodiscard]] ScanRate rate_within(double budget_percent, double cost_ns,
                                   std::uint64_t most_pages_per_s);

}  // namespace brim::share::tune
