// SPDX-License-Identifier: Apache-2.0
#pragma once
// Controls that let only those consumers run whose sizes fit into memory together. Sizes are what
// consumers ask for, which a benchmark knows; a guard has to measure them.

#include "thrash/live/live_control.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash::live {

// In each slice as many as fit, or so many, beginning with the last slice's first that had to stay;
// interactive ones in every slice. One always runs, also where it alone is too large. Who starts
// in the midst of a slice waits where there is no room left.
class RoundRobinControl final : public LiveControl {
 public:
  // `running`: at a time; 0: as many as fit.
  explicit RoundRobinControl(std::chrono::nanoseconds slice, std::uint64_t running = 0)
      : slice_(slice), running_(running) {}
  [[nodiscard]] Result<Time> step(ConsumerControls& consumers, Time now) override;
  [[nodiscard]] Result<void> end(ConsumerControls& consumers) override;

 private:
  std::chrono::nanoseconds slice_;
  std::uint64_t running_;
  std::size_t first_ = 0;       // whose turn it is
  std::size_t next_first_ = 0;  // whose it is after that
  std::optional<Time> slice_end_;
};

// The first that fit, in the order of the scenario; at least one.
class SubsetControl final : public LiveControl {
 public:
  [[nodiscard]] Result<void> begin(ConsumerControls& consumers) override;
  [[nodiscard]] bool admits(std::size_t number) const override { return admitted_.at(number); }
  [[nodiscard]] Result<Time> step(ConsumerControls& consumers, Time now) override;

 private:
  std::vector<bool> admitted_;
};

}  // namespace brim::thrash::live
