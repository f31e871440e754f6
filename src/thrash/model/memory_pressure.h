// SPDX-License-Identifier: Apache-2.0
#pragma once
// Memory pressure of a simulated machine as Linux tells it: "full avg10" of /proc/pressure/memory,
// the share of the last ten seconds or so that was lost for want of memory.
//
// A processor's time is lost where it reclaims or brings pages in, and where it is idle while a
// process waits for a page or a frame. The share is all processors' lost time in the time of all
// of them: with two, one at work and one idle for want of a page, it is one half. Times are whole
// ones, not samples, so that short waits between two ticks count as well.
//
// Each two seconds the share, in whole percent, enters a mean that keeps e^(-2/10) of what it was,
// in the kernel's fixed point: rounded up while it rises, down while it falls.
//
// Source: kernel/sched/psi.c of Linux 5.17 and later, from memory (the account at its head,
// psi_group_change(), calc_avgs(); calc_load() of include/linux/sched/loadavg.h). Before 5.17 one
// that reclaims on a processor counts as at work where another is ready to run.
//
// LIMIT: the kernel weighs processors by how long they were in use, so that one that is idle all
// the time does not count. Here all count alike: where fewer processes are awake than there are
// processors, idle ones add to what is lost, and lessen it where nobody waits.
// LIMIT: the kernel counts waiting for a page only where that was in use as it left (workingset),
// and of a fault only reclaim and reading; here all of them count, from the fault on.
// LIMIT: the kernel's two seconds are a timer tick longer, and begin when it was booted.

#include "thrash/model/control_common.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::model {

class FullPressure {
 public:
  explicit FullPressure(std::uint32_t processors) : processors_(processors) {}

  // To be called at each tick.
  void update(MachineControls& machine, ModelTime now) {
    if (!windows_.due(now)) return;
    const ProcessorTimes times = machine.processor_times();
    const ModelTime lost = (times.waiting + times.paging) / processors_;
    const ModelTime passed = now - std::exchange(updated_at_, now);
    const std::int64_t percent = 100 * (lost - std::exchange(lost_, lost)) / passed;
    take_in(static_cast<std::uint64_t>(std::clamp<std::int64_t>(percent, 0, 100)));
  }

  [[nodiscard]] double percent() const { return static_cast<double>(mean_) / kOne; }

 private:
  static constexpr std::uint64_t kOne = 2048;   // FIXED_1
  static constexpr std::uint64_t kKept = 1677;  // EXP_10s: e^(-2/10) of it

  void take_in(std::uint64_t percent) {
    const bool rises = percent * kOne >= mean_;
    mean_ = (mean_ * kKept + percent * kOne * (kOne - kKept) + (rises ? kOne - 1 : 0)) / kOne;
  }

  std::uint32_t processors_;
  EachInterval windows_{std::chrono::seconds(2)};
  ModelTime updated_at_{0};
  ModelTime lost_{0};       // until then
  std::uint64_t mean_ = 0;  // percent, in parts of kOne
};

}  // namespace brim::thrash::model
