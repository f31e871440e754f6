// SPDX-License-Identifier: Apache-2.0
#pragma once
// FreeBSD's load control, as the study describes it for 7.0 (Santos 2009): where there is little
// free memory and a high rate of requests for pages, the process that ran last is blocked for about
// 20 s and its pages go out; another one follows if it goes on.
//
// At each look, in this order:
//   1. Who has been suspended for its time, or would go on alone, goes on; its pages come back as
//      it misses them.
//   2. Memory is short where free frames were below the low watermark since the look before.
//   3. Requests are many where faults that waited for the device were more than `requests` a second
//      since the look before.
//   4. With both, the one of those not suspended that ran last is frozen, and its pages leave. One
//      is always left.
//
// From memory, the code it stands for: vm_pageout_scan() asks for swapping where its target is
// missed (vm_pageout.c), swapout_procs() does it (vm_glue.c). There 20 s are what a swapped-out
// process waits at most while others come and go; who sleeps longest goes first, and only sleepers
// go. The study's rule is another one; it is the one written here.
//
// Assumed: how often it looks, and what a high rate is (a third of what its disk can serve). The
// rate is that of faults, not of transfers: the pages of a process that goes out would else be
// taken for the next one's reason.

#include "thrash/model/control_common.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::model {

struct FreeBsdSuspensionKnobs {
  ModelTime suspension = std::chrono::seconds(20);
  ModelTime interval = std::chrono::seconds(5);
  double requests = 30;  // a second
};

class FreeBsdSuspension final : public ThrashControl {
 public:
  explicit FreeBsdSuspension(const FreeBsdSuspensionKnobs& knobs)
      : knobs_(knobs), looks_(knobs.interval) {}

  void tick(MachineControls& machine, ModelTime now) override {
    std::erase_if(suspended_, [&](const Suspended& one) {
      if (now < one.until && machine.process(one.process).runs) return false;
      machine.thaw(one.process);
      return true;
    });
    if (!suspended_.empty() && active_processes(machine).empty()) {
      machine.thaw(suspended_.front().process);
      suspended_.erase(suspended_.begin());
    }
    short_ = short_ || machine.free_frames() < machine.watermarks().low.count();
    if (!looks_.due(now)) return;
    const double requests = requests_.per_second(machine.memory_counts().major_faults, now);
    if (std::exchange(short_, false) && requests > knobs_.requests) suspend_last(machine, now);
  }

 private:
  struct Suspended {
    ThreadNumber process;
    ModelTime until;
  };

  void suspend_last(MachineControls& machine, ModelTime now) {
    const std::vector<ThreadNumber> active = active_processes(machine);
    if (active.size() < 2) return;
    const ThreadNumber last = *std::ranges::max_element(
        active, {}, [&](ThreadNumber number) { return machine.process(number).ran_at; });
    suspend(machine, last);
    suspended_.push_back({last, now + knobs_.suspension});
  }

  FreeBsdSuspensionKnobs knobs_;
  EachInterval looks_;
  GrowthRate requests_;
  bool short_ = false;  // of memory, since the last look
  std::vector<Suspended> suspended_;
};

}  // namespace brim::thrash::model
