// SPDX-License-Identifier: Apache-2.0
#pragma once
// SIEVE: Zhang, Yang, Yue, Vigfusson and Rashmi, "SIEVE is simpler than LRU: an efficient turn-key
// eviction algorithm for web caches" (NSDI 2024), algorithm 1. One queue; new pages come to its
// head; a hand goes from the tail to the head and then from the tail again. A page under it that
// was referenced loses its referenced bit and stays where it is; the first that was not leaves.
//
// The difference to clock: the page that comes does not take the leaving one's place, so that old
// pages and new ones do not mix. A load does not set the bit.
//
// LIMIT: no ghosts: once the hand has passed all that a scan has brought, hot pages not referenced
// since its last round leave before the scan's newer pages do.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

namespace brim::thrash::model {

class Sieve : public OnDemand {
 public:
  // `table` must outlive it.
  explicit Sieve(PageTable& table) : table_(&table), links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    pages_.push_front(links_, page);
    table_->clear_referenced(page);
  }

  PageNumber victim() {
    PageNumber page = hand_ == kNoPage ? pages_.last() : hand_;
    while (table_->referenced(page)) {
      table_->clear_referenced(page);
      page = PageList::before(links_, page);
      if (page == kNoPage) page = pages_.last();
    }
    hand_ = page;
    remove(page);
    return page;
  }

  void remove(PageNumber page) {
    if (hand_ == page) hand_ = PageList::before(links_, page);
    pages_.remove(links_, page);
  }

 private:
  PageTable* table_;
  PageLinks links_;
  PageList pages_;             // the newest first: the head
  PageNumber hand_ = kNoPage;  // at the tail
};

}  // namespace brim::thrash::model
