// SPDX-License-Identifier: Apache-2.0
#pragma once
// earlyoom, a program in user space that kills the largest process while little memory is available
// (Jakob Unterwurzacher; Debian's package, version 1.7). The peer of other controls in comparisons,
// live by the same name.
//
// At each look, each 0.1 s: where at most `memory` percent of memory are available and at most
// `swap` percent of the swap area are free, the process with the highest oom_score gets SIGTERM
// (SIGKILL at half of both; here both end it at once). It then waits until that is gone. Live all
// consumers have the same oom_score_adj: so it is the one with the most pages in frames and on the
// device, and of several the first.
//
// Its own default for swap is 10: where swap is large it would not act before it is nearly full.
// 100, brim's, makes of it a control of thrashing: whoever does not fit dies.
//
// Source: its manual page, and main.c and kill.c (from memory). What is available is what the
// kernel says (MemAvailable): without file cache what is free above the high watermark.
//
// LIMIT: it looks less often the more memory is available, once a second at the least.

#include "thrash/model/control_common.h"

#include <algorithm>

namespace brim::thrash::model {

struct EarlyoomKnobs {
  double memory = 10;  // percent
  double swap = 100;
};

class Earlyoom final : public ThrashControl {
 public:
  // `frames`, `slots`: that processes can have.
  Earlyoom(const EarlyoomKnobs& knobs, Pages frames, Pages slots)
      : knobs_(knobs), frames_(frames), slots_(slots) {}

  void tick(MachineControls& machine, ModelTime now) override {
    if (!looks_.due(now)) return;
    if (100 * available_share(machine, frames_) > knobs_.memory) return;
    if (100 * free_swap_share(machine) > knobs_.swap) return;
    if (const auto largest = largest_process(machine)) machine.kill(*largest);
  }

 private:
  [[nodiscard]] double free_swap_share(const MachineControls& machine) const {
    std::size_t used = 0;
    for (const ThreadNumber number : running_processes(machine))
      used += machine.process(number).swapped;
    const auto slots = static_cast<double>(slots_.count());
    return slots > 0 ? 1 - static_cast<double>(used) / slots : 0;
  }

  EarlyoomKnobs knobs_;
  Pages frames_;
  Pages slots_;
  EachInterval looks_{std::chrono::milliseconds(100)};
};

}  // namespace brim::thrash::model
