// SPDX-License-Identifier: Apache-2.0
#pragma once
// The working set: the pages referenced within the last tau references stay, all others leave as
// soon as they are no longer of it, needed or not (Denning, "The working set model for program
// behavior", CACM 11(5), 1968). Between references t and t + 1 resident is W(t, tau), the pages of
// references t - tau + 1 to t; so a reference faults if the last of its page was more than tau
// before. Where all frames are taken and the working set does not fit, the least recently used
// leaves.
//
// One memory is one working set here: tau counts what is referenced in it. It is exact, and moves
// the page at each hit, which no hardware does: wsclock.h is what can be built.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct WorkingSetKnobs {
  std::uint64_t tau = 0;  // in units of PageTable::now(); 0: ten times as many as frames
};

class WorkingSet {
 public:
  static constexpr bool kLeavesEarly = true;
  static void miss(PageNumber /*page*/) {}

  // `table` must outlive it.
  WorkingSet(const PageTable& table, std::size_t frames, const WorkingSetKnobs& knobs)
      : table_(&table),
        tau_(knobs.tau != 0 ? knobs.tau : 10 * std::uint64_t{frames}),
        last_use_(table.size()),
        links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) {
    last_use_[page] = table_->now();
    pages_.move_to_front(links_, page);
  }
  void load(PageNumber page, Access /*access*/) {
    last_use_[page] = table_->now();
    pages_.push_front(links_, page);
  }
  PageNumber leaving() {
    if (pages_.empty() || table_->now() - last_use_[pages_.last()] <= tau_) return kNoPage;
    return pages_.pop_back(links_);
  }
  PageNumber victim() { return pages_.pop_back(links_); }
  void remove(PageNumber page) { pages_.remove(links_, page); }
  void prefetch(PageNumber page) const {
    PageList::prefetch(links_, page);
    __builtin_prefetch(&last_use_[page], 1);
  }

 private:
  const PageTable* table_;
  std::uint64_t tau_;
  std::vector<std::uint64_t> last_use_;  // by page
  PageLinks links_;
  PageList pages_;  // the last referenced first
};

}  // namespace brim::thrash::model
