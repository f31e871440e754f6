// SPDX-License-Identifier: Apache-2.0
#pragma once
// Clock with adaptive replacement: Bansal and Modha, "CAR: clock with adaptive replacement" (FAST
// 2004), figure 2. ARC's four lists and target (adaptive_lists.h), with T1 and T2 as clocks: a hit
// sets the referenced bit and nothing else. The hand of T1, while T1 has at least its target (and
// at least one page), or else that of T2 comes to a page: one that was referenced goes to T2's end
// without its bit; the first that was not leaves, and becomes a ghost.
//
// Unlike ARC, what leaves does not depend on the page to come: p moves after, at load(). No
// parameters: c is the frames.
//
// LIMIT: two references close together, of one use, count as two (the paper's CART, not modelled,
// wants them apart).

#include "thrash/model/adaptive_lists.h"
#include "thrash/model/replacement.h"

#include <algorithm>

namespace brim::thrash::model {

class Car : public OnDemand {
 public:
  // `table` must outlive it.
  Car(PageTable& table, std::size_t frames) : table_(&table), lists_(table.size(), frames) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  PageNumber victim() {
    for (;;) {
      const bool once = static_cast<double>(lists_.size(t1)) >= std::max(1.0, lists_.target());
      const PageNumber page = lists_.oldest(once ? t1 : t2);
      if (!table_->referenced(page)) {
        lists_.put(page, once ? b1 : b2);
        return page;
      }
      table_->clear_referenced(page);
      lists_.put(page, t2);
    }
  }

  void load(PageNumber page, Access /*access*/) {
    const AdaptiveList found = lists_.where(page);
    if (found == b1)
      lists_.raise_target();
    else if (found == b2)
      lists_.lower_target();
    else
      lists_.make_room();
    lists_.put(page, found == none ? t1 : t2);
    table_->clear_referenced(page);
  }

  void remove(PageNumber page) { lists_.forget(page); }
  void prefetch(PageNumber page) const { lists_.prefetch(page); }

  [[nodiscard]] const AdaptiveLists& lists() const { return lists_; }

 private:
  using enum AdaptiveList;

  PageTable* table_;
  AdaptiveLists lists_;
};

}  // namespace brim::thrash::model
