// SPDX-License-Identifier: Apache-2.0
#pragma once
// The two-handed clock: two hands go round a circle of frames at the same pace. The front hand
// clears referenced bits; the back hand, `spread` of the circle behind, takes the first page that
// has not been referenced by then. How long a page has to prove itself is what the spread says, and
// no longer the size of memory (McKusick, Bostic, Karels and Quarterman, "The Design and
// Implementation of the 4.4BSD Operating System"; SVR4's and Solaris' page daemon, whose handspread
// it is). With a spread of 1 it is the clock of one hand.
//
// Loading a page clears its bit. But for a spread of 1, and for the first pages that come into an
// empty memory, setting it would be the same: the front hand clears it before the back hand comes.
//
// LIMIT: the hands move when a page is needed, not at a rate that depends on how much memory is
// free, as in the systems named.

#include "thrash/model/frame_circle.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace brim::thrash::model {

struct TwoHandedClockKnobs {
  double spread = 0.5;  // of the circle, to 1; at least a frame
};

class TwoHandedClock : public OnDemand {
 public:
  // `table` must outlive it.
  TwoHandedClock(PageTable& table, std::size_t frames, const TwoHandedClockKnobs& knobs)
      : table_(&table), knobs_(knobs), circle_(table.size(), frames) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    table_->clear_referenced(page);
    circle_.place(page);
  }

  PageNumber victim() {
    const std::size_t size = circle_.size();
    const auto spread = static_cast<std::size_t>(std::clamp(
        std::round(knobs_.spread * static_cast<double>(size)), 1.0, static_cast<double>(size)));
    for (;;) {
      const std::size_t frame = back_;
      const std::size_t front = back_ + spread < size ? back_ + spread : back_ + spread - size;
      back_ = circle_.after(back_);
      if (const PageNumber coming = circle_.coming(front); coming != kNoPage)
        table_->will_look_at(coming);
      const PageNumber page = circle_.page(frame);
      // Looked at first: where the spread is 1 both hands are on this frame.
      const bool found = page != kNoPage && !table_->referenced(page);
      if (circle_.page(front) != kNoPage) table_->clear_referenced(circle_.page(front));
      if (!found) {
        if (page != kNoPage) table_->looked_at();
        continue;
      }
      circle_.vacate(frame);
      return page;
    }
  }

  void remove(PageNumber page) { circle_.vacate(circle_.frame(page)); }

 private:
  PageTable* table_;
  TwoHandedClockKnobs knobs_;
  FrameCircle circle_;
  std::size_t back_ = 0;  // hand
};

}  // namespace brim::thrash::model
