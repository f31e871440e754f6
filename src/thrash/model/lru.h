// SPDX-License-Identifier: Apache-2.0
#pragma once
// Least recently used: the page whose last reference is longest ago leaves. A stack algorithm
// (Mattson, Gecsei, Slutz and Traiger, "Evaluation techniques for storage hierarchies", IBM Systems
// Journal 9(2), 1970): with more frames never more faults.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

namespace brim::thrash::model {

class Lru : public OnDemand {
 public:
  explicit Lru(const PageTable& table) : links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) { pages_.move_to_front(links_, page); }
  void load(PageNumber page, Access /*access*/) { pages_.push_front(links_, page); }
  PageNumber victim() { return pages_.pop_back(links_); }
  void remove(PageNumber page) { pages_.remove(links_, page); }
  void prefetch(PageNumber page) const { PageList::prefetch(links_, page); }

 private:
  PageLinks links_;
  PageList pages_;  // the last referenced first
};

}  // namespace brim::thrash::model
