// SPDX-License-Identifier: Apache-2.0
#pragma once
// First in, first out: the page that was loaded longest ago leaves. Not a stack algorithm: more
// frames can mean more faults (Belady, Nelson and Shedler, "An anomaly in space-time
// characteristics of certain programs running in a paging machine", CACM 12(6), 1969).

#include "thrash/model/page_ring.h"
#include "thrash/model/replacement.h"

namespace brim::thrash::model {

class Fifo : public OnDemand {
 public:
  explicit Fifo(const PageTable& table) : places_(table.size()) {}

  static void hit(PageNumber /*page*/, Access /*access*/) {}
  void load(PageNumber page, Access /*access*/) { pages_.push_back(places_, page); }
  PageNumber victim() { return pages_.pop_front(); }
  void remove(PageNumber page) { pages_.remove(places_, page); }

 private:
  PagePlaces places_;
  PageRing pages_;  // by when they were loaded
};

}  // namespace brim::thrash::model
