// SPDX-License-Identifier: Apache-2.0
#pragma once
// Adaptive replacement cache: Megiddo and Modha, "ARC: a self-tuning, low overhead replacement
// cache" (FAST 2003), figure 4. Frames are shared out between pages seen once of late (T1) and
// pages seen at least twice (T2), both by LRU, and ghosts of both tell when the shares are wrong:
// see adaptive_lists.h. A scan passes through T1 and leaves T2 alone.
//
// The figure's cases: a hit (I) goes to the front of T2. A miss that is in B1 (II) or B2 (III)
// moves p and goes to T2; one that is nowhere (IV) goes to T1. What leaves is REPLACE's choice, for
// which miss() says whether the page to come is in B2; only where T1 has all frames and the page is
// nowhere does T1's oldest leave without becoming a ghost.
//
// No parameters: c is the frames. Where pages were removed, a miss finds a frame free and nothing
// leaves; ghosts and p are kept as if something had.
//
// LIMIT: every hit moves the page, which no page-table hardware can do: a bound for what CAR and
// others approximate.

#include "thrash/model/adaptive_lists.h"
#include "thrash/model/replacement.h"

namespace brim::thrash::model {

class Arc : public OnDemand {
 public:
  Arc(const PageTable& table, std::size_t frames) : lists_(table.size(), frames) {}

  void hit(PageNumber page, Access /*access*/) { lists_.put(page, t2); }

  void miss(PageNumber page) {
    missing_ = lists_.where(page);
    if (missing_ == b1)
      lists_.raise_target();
    else if (missing_ == b2)
      lists_.lower_target();
    else
      lists_.make_room();
  }

  PageNumber victim() {
    if (missing_ == none && lists_.size(t1) == lists_.frames()) {
      const PageNumber page = lists_.oldest(t1);
      lists_.forget(page);
      return page;
    }
    const bool once = takes_from_t1();
    const PageNumber page = lists_.oldest(once ? t1 : t2);
    lists_.put(page, once ? b1 : b2);
    return page;
  }

  void load(PageNumber page, Access /*access*/) { lists_.put(page, missing_ == none ? t1 : t2); }
  void remove(PageNumber page) { lists_.forget(page); }
  void prefetch(PageNumber page) const { lists_.prefetch(page); }

  [[nodiscard]] const AdaptiveLists& lists() const { return lists_; }

 private:
  using enum AdaptiveList;

  // The figure's REPLACE.
  [[nodiscard]] bool takes_from_t1() const {
    const auto once = static_cast<double>(lists_.size(t1));
    return once > 0 && (once > lists_.target() || (missing_ == b2 && once == lists_.target()));
  }

  AdaptiveLists lists_;
  AdaptiveList missing_ = none;  // where the page to be loaded was found
};

}  // namespace brim::thrash::model
