// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pages whose frames are free, and not used again yet: who misses one of them has it back unread.
// Frames without such a page are used first, then theirs, in the order in which they became free.
//
// Each of its pages is as it is in its slot, so that nothing is lost as its frame is used again.
//
// After, all from memory: Windows' standby list (Russinovich and Solomon, "Windows Internals", 4th
// edition, chapter 7), FreeBSD's cache queue (vm_page_cache() and vm_page_alloc() of vm/vm_page.c)
// and Solaris' cache list (page_free() and page_reclaim() of vm/vm_page.c).
//
// Linux' swap cache is such a list as well, but for one thing: frames of its written pages are not
// free until reclaim comes by once more (scan_passes.cpp).

#include "thrash/model/page_list.h"
#include "thrash/model/page_table.h"

#include <cstddef>
#include <vector>

namespace brim::thrash::model {

class StandbyList {
 public:
  // Of pages with lower numbers than that.
  explicit StandbyList(std::size_t pages) : links_(pages), listed_(pages) {}

  [[nodiscard]] std::size_t size() const { return list_.size(); }
  [[nodiscard]] bool has(PageNumber page) const { return page < listed_.size() && listed_[page]; }

  // Must not be there: it is the last whose frame is used again.
  void add(PageNumber page) {
    list_.push_back(links_, page);
    listed_[page] = true;
  }
  // Whether it was there.
  bool remove(PageNumber page) {
    if (!has(page)) return false;
    list_.remove(links_, page);
    listed_[page] = false;
    return true;
  }
  // The one that is longest there; must not be empty.
  PageNumber take_first() {
    const PageNumber page = list_.pop_front(links_);
    listed_[page] = false;
    return page;
  }
  // Frames are used again until no more pages than that are left.
  void shrink_to(std::size_t most) {
    while (list_.size() > most) take_first();
  }

 private:
  PageLinks links_;
  PageList list_;  // the first is the next to go
  std::vector<bool> listed_;
};

}  // namespace brim::thrash::model
