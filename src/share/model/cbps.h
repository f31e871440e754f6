// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content-based page sharing in its plain form, which TPS, KSM and Difference Engine refine: C. A.
// Waldspurger, "Memory Resource Management in VMware ESX Server" (OSDI 2002), section 4.1.
//
// All pages are scanned in order, round after round. A page scanned is hashed. A shared frame of
// that hash, or a page scanned before it in this round that had it, is compared with it byte by
// byte: equal pages share a frame, read-only. Hashes of pages that found none are forgotten when
// the round is over. What scanning costs is counted but does not slow it.

#include "share/model/equal_pages.h"
#include "share/model/mechanism.h"
#include "share/model/page_cycle.h"

namespace brim::share::model {

class Cbps final : public Mechanism {
 public:
  // `memory` must outlive it, and have no other mechanism.
  Cbps(SimulatedMemory& memory, double pages_per_s, const Costs& costs)
      : memory_(memory), costs_(costs), cycle_(pages_per_s), equal_(memory) {}

  void add(SimulatedMemory::Range pages) override { cycle_.add(pages); }
  void run(ModelTime until) override;
  [[nodiscard]] const Work& work() const override { return work_; }
  [[nodiscard]] CpuTime cpu_time() const { return costs_.of(work_); }

 private:
  SimulatedMemory& memory_;
  Costs costs_;
  Work work_;
  PageCycle cycle_;
  EqualPages equal_;
};

}  // namespace brim::share::model
