// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clock: frames in a circle and one hand (Corbato, "A paging experiment with the Multics system",
// 1968). A page under the hand that has been referenced loses its referenced bit and is passed; the
// first that has not leaves, and the new page takes its frame, with the hand behind it.
//
// Whether loading a page sets its referenced bit the literature says both ways: hardware does, as
// the faulting instruction is made again; many textbooks' examples don't. reference_on_load says.

#include "thrash/model/replacement.h"

#include <cstddef>
#include <vector>

namespace brim::thrash::model {

struct ClockKnobs {
  bool reference_on_load = false;
};

class Clock : public OnDemand {
 public:
  // `table` must outlive it.
  Clock(PageTable& table, std::size_t frames, const ClockKnobs& knobs)
      : table_(&table), knobs_(knobs), frame_(table.size()) {
    pages_.reserve(frames);
  }

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    if (free_ != kNone) {
      place(page, free_);
      free_ = kNone;
    } else if (!holes_.empty()) {
      place(page, holes_.back());
      holes_.pop_back();
    } else {
      pages_.push_back(kNoPage);
      place(page, pages_.size() - 1);
    }
  }

  PageNumber victim() {
    for (;;) {
      const std::size_t frame = hand_;
      hand_ = hand_ + 1 < pages_.size() ? hand_ + 1 : 0;
      const PageNumber page = pages_[frame];
      if (page == kNoPage) continue;
      if (table_->referenced(page)) {
        table_->clear_referenced(page);
        continue;
      }
      pages_[frame] = kNoPage;
      free_ = frame;
      return page;
    }
  }

  void remove(PageNumber page) {
    pages_[frame_[page]] = kNoPage;
    holes_.push_back(frame_[page]);
  }

 private:
  static constexpr std::size_t kNone = SIZE_MAX;

  void place(PageNumber page, std::size_t frame) {
    pages_[frame] = page;
    frame_[page] = static_cast<std::uint32_t>(frame);
    if (knobs_.reference_on_load)
      table_->set_referenced(page);
    else
      table_->clear_referenced(page);
  }

  PageTable* table_;
  ClockKnobs knobs_;
  std::vector<PageNumber> pages_;     // by frame; kNoPage where a page was removed
  std::vector<std::uint32_t> frame_;  // by page
  std::vector<std::size_t> holes_;
  std::size_t free_ = kNone;  // the last victim's
  std::size_t hand_ = 0;
};

}  // namespace brim::thrash::model
