// SPDX-License-Identifier: Apache-2.0
#pragma once
// TPF, the thrashing protection facility of Jiang and Zhang ("Adaptive page replacement to protect
// thrashing in Linux", 5th Annual Linux Showcase, 2001; "TPF: a dynamic system thrashing protection
// facility", Software: Practice and Experience 32(3), 2002): it watches how busy processors are and
// how often each process faults, and protects the pages of one process while too many fault.
//
// At each look, by the state:
//   normal: where processors are used less than `cpu_low` and more than one process faults more
//     than `faults_high` times a second, it comes to monitoring.
//   monitoring: where that is still so, the one that faults most is protected, as the one likeliest
//     to fault again; where it is not, back to normal.
//   protection: until the protected one faults less than `faults_low` times a second, processors
//     are used more than `cpu_high`, or it has ended. Then back to monitoring.
// Of several that fault alike the first is protected. Faults are those that wait for the device.
//
// Bounds are the papers' (CPU_L, CPU_H, PF_L, PF_H), their values from memory; how often it looks
// is assumed.
//
// LIMIT: where the protected one alone does not fit, its own pages take turns, as in a FIFO.
// LIMIT: processor time counts whoever uses it: on compressed memory, where paging keeps the
// processors busy, it never sees the cause.

#include "thrash/model/control_common.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::model {

struct TpfKnobs {
  double cpu_low = 0.4;  // of all processors
  double cpu_high = 0.8;
  double faults_low = 10;  // a second
  double faults_high = 20;
  ModelTime interval = std::chrono::seconds(1);
};

class Tpf final : public ThrashControl {
 public:
  enum class State : std::uint8_t { normal, monitoring, protection };

  explicit Tpf(const TpfKnobs& knobs) : knobs_(knobs), looks_(knobs.interval) {}

  [[nodiscard]] State state() const { return state_; }
  // kNoThread: nobody is.
  [[nodiscard]] ThreadNumber protected_process() const { return protected_; }

  void tick(MachineControls& machine, ModelTime now) override {
    if (!looks_.due(now)) return;
    look(machine, now);
    switch (state_) {
      case State::normal:
        if (thrashes()) state_ = State::monitoring;
        break;
      case State::monitoring:
        if (thrashes())
          protect(machine);
        else
          state_ = State::normal;
        break;
      case State::protection:
        if (machine.process(protected_).runs && faults_[protected_] >= knobs_.faults_low &&
            cpu_use_ <= knobs_.cpu_high)
          break;
        machine.exempt(protected_, false);
        protected_ = kNoThread;
        state_ = State::monitoring;
    }
  }

 private:
  void look(MachineControls& machine, ModelTime now) {
    const ProcessorTimes times = machine.processor_times();
    const ModelTime busy = times.user + times.system;
    const ModelTime all = busy + times.idle + times.waiting;
    const std::chrono::duration<double> passed = all - std::exchange(all_, all);
    const std::chrono::duration<double> used = busy - std::exchange(busy_, busy);
    cpu_use_ = passed.count() > 0 ? used / passed : 0;
    rates_.resize(machine.processes());
    faults_.resize(machine.processes());
    for (ThreadNumber number = 0; number < machine.processes(); ++number)
      faults_[number] = rates_[number].per_second(machine.process(number).major_faults, now);
  }

  [[nodiscard]] bool thrashes() const {
    return cpu_use_ < knobs_.cpu_low && std::ranges::count_if(faults_, [&](double rate) {
                                          return rate > knobs_.faults_high;
                                        }) > 1;
  }

  void protect(MachineControls& machine) {
    const auto most = std::ranges::max_element(faults_) - faults_.begin();
    if (!machine.process(static_cast<ThreadNumber>(most)).runs) return;
    protected_ = static_cast<ThreadNumber>(most);
    machine.exempt(protected_, true);
    state_ = State::protection;
  }

  TpfKnobs knobs_;
  EachInterval looks_;
  State state_ = State::normal;
  ThreadNumber protected_ = kNoThread;
  ModelTime busy_{0};
  ModelTime all_{0};
  double cpu_use_ = 0;
  std::vector<GrowthRate> rates_;  // by process
  std::vector<double> faults_;     // a second, by process
};

}  // namespace brim::thrash::model
