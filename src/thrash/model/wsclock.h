// SPDX-License-Identifier: Apache-2.0
#pragma once
// WSClock: the working set, approximated with clock's hand (Carr and Hennessy, "WSClock: a simple
// and effective algorithm for virtual memory management", SOSP 1981). The hand looks at frames in
// turn; the page in one
//   that has been referenced loses its referenced bit and has been used now, as far as is known;
//   that was used within tau is of the working set and is passed;
//   that is older and clean leaves;
//   that is older and modified is written back, and passed.
// If the hand comes round without a victim, the first page written on its way leaves; if there was
// none, the first clean page from the hand on; if all are modified, the one used longest ago, of
// several the one found so first. Writing takes no time here, and as many pages are written as a
// round meets.
//
// Where all pages are of the working set each fault is a whole round, and where a hand would look
// at each frame this keeps sets: of the frames whose page has been referenced since the hand came
// (settled when it passes), of the older ones, clean and modified, and the others by their time of
// use. What the hand does is as above; it takes a few steps for each page that changes its set.

#include "thrash/model/frame_circle.h"
#include "thrash/model/number_set.h"
#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct WsClockKnobs {
  std::uint64_t tau = 0;           // in units of PageTable::now(); 0: as many as frames
  bool reference_on_load = false;  // as in clock.h
};

class WsClock : public OnDemand {
 public:
  // `table` must outlive it. There are never more than `frames` pages.
  WsClock(PageTable& table, std::size_t frames, const WsClockKnobs& knobs)
      : table_(&table),
        frames_(frames),
        tau_(knobs.tau != 0 ? knobs.tau : frames),
        reference_on_load_(knobs.reference_on_load),
        last_use_(table.size()),
        circle_(table.size(), frames),
        referenced_(frames),
        old_clean_(frames),
        old_modified_(frames),
        perhaps_clean_(frames),
        links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) {
    if (table_->referenced(page)) return;
    const std::size_t frame = circle_.frame(page);
    forget(page, frame);
    set_referenced(page, frame);
  }

  void load(PageNumber page, Access /*access*/) {
    const std::size_t frame = circle_.place(page);
    BRIM_ASSERT(frame < frames_);
    if (!table_->modified(page)) perhaps_clean_.insert(frame);
    if (reference_on_load_) return set_referenced(page, frame);
    table_->clear_referenced(page);
    use_now(page);
  }

  PageNumber victim() {
    move_old_ones();
    std::size_t found = from_hand(old_clean_);
    if (found >= hand_ && found != kNone) {
      pass(hand_, found);
    } else {
      const std::size_t here = pass(hand_, circle_.size());
      const std::size_t there = pass(0, found != kNone ? found : hand_);
      if (found == kNone) found = here != kNone ? here : there;
    }
    if (found == kNone) found = first_clean();
    if (found == kNone) found = circle_.frame(young_.first());
    hand_ = circle_.after(found);
    const PageNumber page = circle_.page(found);
    remove(page);
    return page;
  }

  void remove(PageNumber page) {
    const std::size_t frame = circle_.frame(page);
    forget(page, frame);
    perhaps_clean_.erase(frame);
    circle_.vacate(frame);
  }

 private:
  static constexpr std::size_t kNone = NumberSet::kNone;

  // A page is in one of four sets; each function moves it into one or out of all.
  void set_referenced(PageNumber page, std::size_t frame) {
    table_->set_referenced(page);
    referenced_.insert(frame);
  }
  void use_now(PageNumber page) {
    last_use_[page] = table_->now();
    young_.push_back(links_, page);
  }
  void forget(PageNumber page, std::size_t frame) {
    if (referenced_.contains(frame))
      referenced_.erase(frame);
    else if (old_clean_.contains(frame))
      old_clean_.erase(frame);
    else if (old_modified_.contains(frame))
      old_modified_.erase(frame);
    else
      young_.remove(links_, page);
  }

  void move_old_ones() {
    while (!young_.empty() && table_->now() - last_use_[young_.first()] > tau_) {
      const PageNumber page = young_.pop_front(links_);
      (table_->modified(page) ? old_modified_ : old_clean_).insert(circle_.frame(page));
    }
  }

  // The hand, over frames none of which is old and clean. The first that it has cleaned, or kNone.
  std::size_t pass(std::size_t from, std::size_t end) {
    for (std::size_t frame = referenced_.next(from); frame < end;
         frame = referenced_.next(frame + 1)) {
      const PageNumber page = circle_.page(frame);
      referenced_.erase(frame);
      table_->clear_referenced(page);
      use_now(page);
    }
    std::size_t first = kNone;
    for (std::size_t frame = old_modified_.next(from); frame < end;
         frame = old_modified_.next(frame + 1)) {
      table_->write_back(circle_.page(frame));
      old_modified_.erase(frame);
      old_clean_.insert(frame);
      perhaps_clean_.insert(frame);
      if (first == kNone) first = frame;
    }
    return first;
  }

  [[nodiscard]] std::size_t from_hand(const NumberSet& set) const {
    const std::size_t frame = set.next(hand_);
    return frame != kNone ? frame : set.next(0);
  }

  // What has been modified since it was found clean is seen here, and not at each hit.
  std::size_t first_clean() {
    for (;;) {
      const std::size_t frame = from_hand(perhaps_clean_);
      if (frame == kNone || !table_->modified(circle_.page(frame))) return frame;
      perhaps_clean_.erase(frame);
    }
  }

  PageTable* table_;
  std::size_t frames_;
  std::uint64_t tau_;
  bool reference_on_load_;
  std::vector<std::uint64_t> last_use_;  // by page, as far as is known
  FrameCircle circle_;
  std::size_t hand_ = 0;

  // By frame: each page is in one of the first three or in young_.
  NumberSet referenced_;
  NumberSet old_clean_;
  NumberSet old_modified_;
  NumberSet perhaps_clean_;  // all that are clean, and others
  PageLinks links_;
  PageList young_;  // by last use
};

}  // namespace brim::thrash::model
