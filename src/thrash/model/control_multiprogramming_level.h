// SPDX-License-Identifier: Apache-2.0
#pragma once
// Control of the multiprogramming level by the L = S criterion (Denning, Kahn, Leroudier, Potier
// and Suri, "Optimal multiprogramming", Acta Informatica 7, 1976): processors do most work while L,
// the mean processor time between two faults, stays at S, the mean time of the device for one. With
// less the device is what all wait for; so processes are suspended until L is S again.
//
// Over the same time and faults L and S are sums: user time of a processor, and the time that
// paging takes: the device's busy time, or the system's processor time where that is more (on
// compressed memory the processor is the device). So L / S is their ratio.
//
// Each interval, but not within `settle` of the last change, whose own transfers would count:
//   1. Paging is too much where its time is above `paging` of the interval, and L < S. Then the
//      one that became active last (by its start or its return) is suspended: frozen, and its pages
//      leave. One is always left.
//   2. Else who was suspended first comes back, its pages first, if memory for it is free above the
//      high watermark; or if it has not been too much for `patience`: with working sets smaller
//      than what they have, others use all memory there is and could do with less. Where nobody is
//      left that runs this is at once.
//
// Assumed: the interval, `settle`, `paging` and `patience`. The other criterion of the paper, that
// the device be busy half of the time, is not used: uniform accesses keep it fully busy from the
// first page that does not fit.
//
// LIMIT: who is suspended stays out for as long as the others need the memory: it is not a
// scheduler.

#include "thrash/model/control_common.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::model {

struct MultiprogrammingLevelKnobs {
  ModelTime interval = std::chrono::seconds(1);
  ModelTime settle = std::chrono::seconds(5);
  ModelTime patience = std::chrono::seconds(30);
  double paging = 0.1;
};

class MultiprogrammingLevel final : public ThrashControl {
 public:
  explicit MultiprogrammingLevel(const MultiprogrammingLevelKnobs& knobs)
      : knobs_(knobs), looks_(knobs.interval) {}

  void tick(MachineControls& machine, ModelTime now) override {
    note_starts(machine, now);
    std::erase_if(suspended_, [&](ThreadNumber number) { return !machine.process(number).runs; });
    if (active_processes(machine).empty()) bring_back(machine, now);
    if (!looks_.due(now)) return;
    const bool too_much = pages_too_much(machine, now);
    if (too_much) calm_since_ = now;
    if (now < settled_at_) return;
    if (too_much)
      suspend_last(machine, now);
    else if (may_come_back(machine, now))
      bring_back(machine, now);
  }

 private:
  void note_starts(const MachineControls& machine, ModelTime now) {
    active_since_.resize(machine.processes(), kNever);
    for (ThreadNumber number = 0; number < machine.processes(); ++number)
      if (active_since_[number] == kNever && machine.process(number).runs)
        active_since_[number] = now;
  }

  [[nodiscard]] bool pages_too_much(MachineControls& machine, ModelTime now) {
    const ProcessorTimes times = machine.processor_times();
    const ModelTime all = times.user + times.system + times.idle + times.waiting;
    const ModelTime passed = now - std::exchange(looked_at_, now);
    const ModelTime passed_by_all = all - std::exchange(all_, all);
    const ModelTime user = times.user - std::exchange(user_, times.user);
    const ModelTime system = times.system - std::exchange(system_, times.system);
    const ModelTime device = machine.device_busy() - device_;
    device_ = machine.device_busy();
    const auto processors = std::max<std::int64_t>(1, (passed_by_all + passed / 2) / passed);
    const std::chrono::duration<double> paging = std::max(device, system / processors);
    return paging > knobs_.paging * std::chrono::duration<double>(passed) &&
           user / processors < paging;
  }

  [[nodiscard]] bool may_come_back(const MachineControls& machine, ModelTime now) const {
    if (suspended_.empty()) return false;
    const std::size_t needed =
        touched(machine.process(suspended_.front())) + machine.watermarks().high.count();
    return machine.free_frames() >= needed || now - calm_since_ >= knobs_.patience;
  }

  void bring_back(MachineControls& machine, ModelTime now) {
    if (suspended_.empty()) return;
    const ThreadNumber first = suspended_.front();
    suspended_.erase(suspended_.begin());
    machine.order_in(first);
    machine.thaw(first);
    active_since_[first] = now;
    changed(now);
  }

  void suspend_last(MachineControls& machine, ModelTime now) {
    const std::vector<ThreadNumber> active = active_processes(machine);
    if (active.size() < 2) return;
    // Of several the last: they start in order.
    const ThreadNumber last =
        *std::ranges::max_element(active.rbegin(), active.rend(), {},
                                  [&](ThreadNumber number) { return active_since_[number]; });
    suspend(machine, last);
    suspended_.push_back(last);
    changed(now);
  }

  void changed(ModelTime now) {
    settled_at_ = now + knobs_.settle;
    calm_since_ = now;
  }

  MultiprogrammingLevelKnobs knobs_;
  EachInterval looks_;
  std::vector<ModelTime> active_since_;  // by process
  std::vector<ThreadNumber> suspended_;  // who was first
  ModelTime settled_at_{0};
  ModelTime calm_since_{0};
  // At the last look.
  ModelTime looked_at_{0};
  ModelTime all_{0};
  ModelTime user_{0};
  ModelTime system_{0};
  ModelTime device_{0};
};

}  // namespace brim::thrash::model
