// SPDX-License-Identifier: Apache-2.0
#pragma once
// Solaris' load control by swapping whole processes: sched(), from memory of its source
// (uts/common/os/sched.c) and the description of Mauro and McDougall, "Solaris Internals", 2001.
//
// Each second, with the mean of free frames of about five seconds:
//   1. Who was swapped out comes back, who is out longest first: where memory for it is free above
//      the high watermark, it has been out for `longest_out`, or nobody else would run. Its pages
//      come back as it misses them.
//   2. Nothing more where the mean is not below the high watermark. (There it is desfree, half of
//      where the page daemon begins; but the machine's reclaim knows no limit of its scan rate, and
//      keeps free memory between low and high whatever happens.)
//   3. Soft swapping: of those idle for `idle` (maxslp) and more, the longest idle one's pages go
//      out. It is not stopped: it comes back by itself when it wakes.
//   4. Hard swapping, where nobody is idle for so long, more than one process would run, and pages
//      in and out are more than `paging` (maxpgio) a second: the one longest in memory stops, and
//      its pages go out. One is always left.
//
// Assumed: that one who waits for a page would run (Solaris looks at the mean length of the run
// queue, in which such are not; with a device that slow it is empty while the machine thrashes);
// `longest_out`, without which one that fits nowhere would stay out for as long as the others run:
// Solaris lets priority grow with the time out instead. maxpgio counts requests there, here pages.
//
// LIMIT: unloading kernel modules and emptying caches, which come before hard swapping, have
// nothing to stand for in the machine.

#include "thrash/model/control_common.h"

#include <algorithm>
#include <cmath>

namespace brim::thrash::model {

struct SolarisSwappingKnobs {
  ModelTime idle = std::chrono::seconds(20);
  double paging = 40;  // pages a second
  ModelTime longest_out = std::chrono::seconds(60);
};

class SolarisSwapping final : public ThrashControl {
 public:
  explicit SolarisSwapping(const SolarisSwappingKnobs& knobs) : knobs_(knobs) {}

  void tick(MachineControls& machine, ModelTime now) override {
    if (in_since_.empty()) in_since_.resize(machine.processes(), ModelTime(0));
    if (!out_.empty() && active_processes(machine).empty()) swap_in(machine, now);
    if (!seconds_.due(now)) return;
    const auto free = static_cast<double>(machine.free_frames());
    mean_free_ = mean_free_ < 0 ? free : free + (mean_free_ - free) * std::exp(-1.0 / 5);
    const MemoryCounts& counts = machine.memory_counts();
    const double paging = paging_.per_second(counts.pages_in + counts.pages_out, now);
    swap_in(machine, now);
    if (mean_free_ >= static_cast<double>(machine.watermarks().high.count())) return;
    if (swap_idle_out(machine, now)) return;
    if (paging > knobs_.paging) swap_one_out(machine, now);
  }

 private:
  struct Out {
    ThreadNumber process;
    ModelTime since;
  };

  void swap_in(MachineControls& machine, ModelTime now) {
    std::erase_if(out_, [&](const Out& one) { return !machine.process(one.process).runs; });
    if (out_.empty()) return;
    const Out& first = out_.front();
    const std::size_t needed =
        touched(machine.process(first.process)) + machine.watermarks().high.count();
    if (machine.free_frames() < needed && now - first.since < knobs_.longest_out &&
        !active_processes(machine).empty())
      return;
    machine.thaw(first.process);
    in_since_[first.process] = now;
    out_.erase(out_.begin());
  }

  // Whether there was one.
  bool swap_idle_out(MachineControls& machine, ModelTime now) const {
    std::vector<ThreadNumber> idle = active_processes(machine);
    std::erase_if(idle, [&](ThreadNumber number) {
      const ProcessView process = machine.process(number);
      return process.runnable || process.blocked || process.frames == 0 ||
             now - process.ran_at < knobs_.idle;
    });
    if (idle.empty()) return false;
    machine.order_out(*std::ranges::min_element(
        idle, {}, [&](ThreadNumber number) { return machine.process(number).ran_at; }));
    return true;
  }

  void swap_one_out(MachineControls& machine, ModelTime now) {
    std::vector<ThreadNumber> active = active_processes(machine);
    std::erase_if(active, [&](ThreadNumber number) {
      const ProcessView process = machine.process(number);
      return !process.runnable && !process.blocked;
    });
    if (active.size() < 2) return;
    const ThreadNumber longest = *std::ranges::min_element(
        active, {}, [&](ThreadNumber number) { return in_since_[number]; });
    suspend(machine, longest);
    out_.push_back({longest, now});
  }

  SolarisSwappingKnobs knobs_;
  EachInterval seconds_{std::chrono::seconds(1)};
  GrowthRate paging_;
  double mean_free_ = -1;  // frames; below 0: none yet
  std::vector<Out> out_;   // who is out longest first
  std::vector<ModelTime> in_since_;
};

}  // namespace brim::thrash::model
