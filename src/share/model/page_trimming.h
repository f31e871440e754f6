// SPDX-License-Identifier: Apache-2.0
#pragma once
// Page trimming: the hypervisor takes the frames of pages that hold only zeros from the guests, and
// gives one back at the next write. (ESX and others trim pages that guests have cleared; guests
// often allocate memory without using it.)
//
// All pages are scanned in order, round after round; the look at a page ends at the first byte that
// is not zero. What scanning costs is counted but does not slow it.

#include "share/model/mechanism.h"
#include "share/model/page_cycle.h"

namespace brim::share::model {

class PageTrimming final : public Mechanism {
 public:
  // `memory` must outlive it, and have no other mechanism.
  PageTrimming(SimulatedMemory& memory, double pages_per_s, const Costs& costs)
      : memory_(memory), costs_(costs), cycle_(pages_per_s) {}

  void add(SimulatedMemory::Range pages) override { cycle_.add(pages); }
  void run(ModelTime until) override;
  [[nodiscard]] const Work& work() const override { return work_; }
  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  SimulatedMemory& memory_;
  Costs costs_;
  Work work_;
  PageCycle cycle_;
};

}  // namespace brim::share::model
