// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clock: frames in a circle and one hand (Corbato, "A paging experiment with the Multics system",
// 1968). A page under the hand that has been referenced loses its referenced bit and is passed; the
// first that has not leaves, and the new page takes its frame, with the hand behind it.
//
// Whether loading a page sets its referenced bit the literature says both ways: hardware does, as
// the faulting instruction is made again; many textbooks' examples don't. reference_on_load says.

#include "thrash/model/frame_circle.h"
#include "thrash/model/replacement.h"

#include <cstddef>

namespace brim::thrash::model {

struct ClockKnobs {
  bool reference_on_load = false;
};

class Clock : public OnDemand {
 public:
  // `table` must outlive it.
  Clock(PageTable& table, std::size_t frames, const ClockKnobs& knobs)
      : table_(&table), knobs_(knobs), circle_(table.size(), frames) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    circle_.place(page);
    if (knobs_.reference_on_load)
      table_->set_referenced(page);
    else
      table_->clear_referenced(page);
  }

  PageNumber victim() {
    for (;;) {
      const std::size_t frame = hand_;
      hand_ = circle_.after(hand_);
      if (const PageNumber coming = circle_.coming(frame); coming != kNoPage)
        table_->will_look_at(coming);
      const PageNumber page = circle_.page(frame);
      if (page == kNoPage) continue;
      if (table_->referenced(page)) {
        table_->clear_referenced(page);
        continue;
      }
      circle_.vacate(frame);
      return page;
    }
  }

  void remove(PageNumber page) { circle_.vacate(circle_.frame(page)); }

 private:
  PageTable* table_;
  ClockKnobs knobs_;
  FrameCircle circle_;
  std::size_t hand_ = 0;
};

}  // namespace brim::thrash::model
