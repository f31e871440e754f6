// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every simulated sharing mechanism is: something that looks at guests' pages as its own rules
// allow, lets equal ones share a frame, and counts the work that took.

#include "share/model/memory.h"

#include <chrono>
#include <cstdint>

namespace brim::share::model {

using ModelTime = std::chrono::nanoseconds;  // since the start

// Counted, not timed: what it costs is the hardware's word (Costs).
struct Work {
  std::uint64_t visits = 0;         // pages the scanner came to
  std::uint64_t checksums = 0;      // pages hashed
  std::uint64_t comparisons = 0;    // of unequal pages: they end at the first byte that differs
  std::uint64_t confirmations = 0;  // of equal pages: all 4 KiB
  std::uint64_t merges = 0;         // pages that came to share a frame
  std::uint64_t skips = 0;          // pages passed over by rule
};

struct Costs {
  std::chrono::duration<double, std::nano> visit{0};
  std::chrono::duration<double, std::nano> checksum{0};
  std::chrono::duration<double, std::nano> comparison{0};
  std::chrono::duration<double, std::nano> confirmation{0};
  std::chrono::duration<double, std::nano> merge{0};

  [[nodiscard]] std::chrono::duration<double, std::nano> of(const Work& work) const {
    return visit * static_cast<double>(work.visits) +
           checksum * static_cast<double>(work.checksums) +
           comparison * static_cast<double>(work.comparisons) +
           confirmation * static_cast<double>(work.confirmations) +
           merge * static_cast<double>(work.merges);
  }
};

class Mechanism {
 public:
  virtual ~Mechanism() = default;
  // Pages it may share from now on.
  virtual void add(SimulatedMemory::Range pages) = 0;
  // Works from where it was until `until`.
  virtual void run(ModelTime until) = 0;
  [[nodiscard]] virtual const Work& work() const = 0;
};

}  // namespace brim::share::model
