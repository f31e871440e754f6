// SPDX-License-Identifier: Apache-2.0
#pragma once
// The daemon's one loop: areas that look, plan and act, each when it wants to, sooner where the
// kernel raises an alarm; and at the end, whatever the end is, each winds up.

#include "base/cancel.h"
#include "base/result.h"

#include <chrono>
#include <span>
#include <vector>

namespace brim::guard {

class GuardedArea {
 public:
  GuardedArea() = default;
  GuardedArea(const GuardedArea&) = delete;
  GuardedArea& operator=(const GuardedArea&) = delete;
  virtual ~GuardedArea() = default;

  // One look, one plan, and what it asks for. How long until the next. `now` is of the steady
  // clock.
  [[nodiscard]] virtual Result<std::chrono::nanoseconds> step(std::chrono::nanoseconds now) = 0;
  // Once, after the last step, also after one that failed.
  virtual void wind_up() = 0;
  // For poll(2) with POLLPRI: where one is ready, the next step is due, and told so before.
  [[nodiscard]] virtual std::vector<int> alarms() const { return {}; }
  virtual void alarmed() {}
};

// Steps until `cancel`, or once each. Ends with the first error.
[[nodiscard]] Result<void> run_areas(std::span<GuardedArea* const> areas, bool once,
                                     const Cancel& cancel);

}  // namespace brim::guard
