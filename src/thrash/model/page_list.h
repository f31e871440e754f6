// SPDX-License-Identifier: Apache-2.0
#pragma once
// Doubly linked lists of pages by their numbers. A page is on one list of a PageLinks at most;
// which one, its user knows.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "base/result.h"
#include "thrash/model/page_table.h"

#include <cstddef>
#include <vector>

namespace brim::thrash::model {

class PageLinks {
 public:
  explicit PageLinks(std::size_t pages) : links_(pages) {}

 private:
  friend class PageList;
  struct Link {
    PageNumber before = kNoPage;
    PageNumber after = kNoPage;
  };
  std::vector<Link, HugePageAllocator<Link>> links_;
};

// `links` are given to each call, so that policies can be moved.
class PageList {
 public:
  [[nodiscard]] bool empty() const { return first_ == kNoPage; }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] PageNumber first() const { return first_; }
  [[nodiscard]] PageNumber last() const { return last_; }
  // kNoPage at the ends.
  [[nodiscard]] static PageNumber before(const PageLinks& links, PageNumber page) {
    return links.links_[page].before;
  }
  [[nodiscard]] static PageNumber after(const PageLinks& links, PageNumber page) {
    return links.links_[page].after;
  }

  void push_front(PageLinks& links, PageNumber page) {
    links.links_[page] = {kNoPage, first_};
    (first_ == kNoPage ? last_ : links.links_[first_].before) = page;
    first_ = page;
    ++size_;
  }
  void push_back(PageLinks& links, PageNumber page) {
    links.links_[page] = {last_, kNoPage};
    (last_ == kNoPage ? first_ : links.links_[last_].after) = page;
    last_ = page;
    ++size_;
  }
  void remove(PageLinks& links, PageNumber page) {
    const auto [before, after] = links.links_[page];
    (before == kNoPage ? first_ : links.links_[before].after) = after;
    (after == kNoPage ? last_ : links.links_[after].before) = before;
    --size_;
  }
  // Must not be empty.
  PageNumber pop_front(PageLinks& links) {
    const PageNumber page = first_;
    BRIM_ASSERT(page != kNoPage);
    remove(links, page);
    return page;
  }
  PageNumber pop_back(PageLinks& links) {
    const PageNumber page = last_;
    BRIM_ASSERT(page != kNoPage);
    remove(links, page);
    return page;
  }
  void move_to_front(PageLinks& links, PageNumber page) {
    if (page == first_) return;
    remove(links, page);
    push_front(links, page);
  }

  // For speed alone.
  static void prefetch(const PageLinks& links, PageNumber page) {
    fetch_ahead(&links.links_[page]);
  }

 private:
  PageNumber first_ = kNoPage;
  PageNumber last_ = kNoPage;
  std::size_t size_ = 0;
};

}  // namespace brim::thrash::model
