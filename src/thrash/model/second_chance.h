// SPDX-License-Identifier: Apache-2.0
#pragma once
// Second chance: first in, first out, but a page that has been referenced when its turn comes loses
// its referenced bit and goes to the end of the queue, as if it had been loaded just now
// (Tanenbaum, "Modern Operating Systems", page replacement algorithms). Clock (clock.h) does the
// same with a hand in place of a queue: both have the same faults.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

namespace brim::thrash::model {

struct SecondChanceKnobs {
  bool reference_on_load = false;  // as in clock.h
};

class SecondChance : public OnDemand {
 public:
  // `table` must outlive it.
  SecondChance(PageTable& table, const SecondChanceKnobs& knobs)
      : table_(&table), knobs_(knobs), links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    if (knobs_.reference_on_load)
      table_->set_referenced(page);
    else
      table_->clear_referenced(page);
    pages_.push_back(links_, page);
  }

  PageNumber victim() {
    for (;;) {
      const PageNumber page = pages_.pop_front(links_);
      if (!table_->referenced(page)) return page;
      table_->clear_referenced(page);
      pages_.push_back(links_, page);
    }
  }

  void remove(PageNumber page) { pages_.remove(links_, page); }

 private:
  PageTable* table_;
  SecondChanceKnobs knobs_;
  PageLinks links_;
  PageList pages_;  // whose turn is next
};

}  // namespace brim::thrash::model
