// SPDX-License-Identifier: Apache-2.0
#pragma once
// A queue of pages in an array, for one that is scanned again and again: from head to tail it is
// read in the order of memory, so that what is known of the next pages can be fetched ahead, where
// each step of a linked list waits for the one before. A page that is removed leaves a hole until
// the head comes to it or the array is full; the one that came last leaves none.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "base/result.h"
#include "thrash/model/page_table.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

// Where pages are in their rings; a page is in one ring of them at most.
class PagePlaces {
 public:
  explicit PagePlaces(std::size_t pages) : places_(pages) {}

  // For speed alone: the page will be put in a ring.
  void prefetch(PageNumber page) const { fetch_ahead(&places_[page]); }

 private:
  friend class PageRing;
  std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> places_;
};

// `places` are given to each call, so that policies can be moved.
class PageRing {
 public:
  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Must not be in it.
  void push_back(PagePlaces& places, PageNumber page) {
    if (tail_ - head_ == slots_.size()) close_holes(places);
    const std::size_t place = tail_++ & (slots_.size() - 1);
    places.places_[page] = static_cast<std::uint32_t>(place);
    slots_[place] = page;
    ++size_;
  }

  // Must not be empty.
  PageNumber pop_front() {
    BRIM_ASSERT(size_ > 0);
    for (;;) {
      const PageNumber page = slots_[head_++ & (slots_.size() - 1)];
      if (page == kNoPage) continue;
      --size_;
      return page;
    }
  }

  // Must be in it.
  void remove(const PagePlaces& places, PageNumber page) {
    const std::size_t place = places.places_[page];
    if (place == ((tail_ - 1) & (slots_.size() - 1)))
      --tail_;
    else
      slots_[place] = kNoPage;
    --size_;
  }

  // For speed alone: a page that will be first in a while, or one that was, or kNoPage.
  [[nodiscard]] PageNumber coming() const { return slots_[(head_ + kAhead) & (slots_.size() - 1)]; }

 private:
  using Slots = std::vector<PageNumber, HugePageAllocator<PageNumber>>;
  static constexpr std::size_t kLeast = 16;
  static constexpr std::size_t kAhead = 12;

  // To between a quarter and half full. Rare, and not to be in the way of push_back().
  [[gnu::noinline]] void close_holes(PagePlaces& places) {
    std::size_t slots = kLeast;
    while (slots < 2 * size_) slots *= 2;
    Slots closed(slots, kNoPage);
    std::size_t tail = 0;
    for (; head_ < tail_; ++head_) {
      const PageNumber page = slots_[head_ & (slots_.size() - 1)];
      if (page == kNoPage) continue;
      places.places_[page] = static_cast<std::uint32_t>(tail);
      closed[tail++] = page;
    }
    slots_.swap(closed);
    head_ = 0;
    tail_ = tail;
  }

  // A power of two; what is not between head and tail is stale.
  Slots slots_ = Slots(kLeast, kNoPage);
  std::size_t head_ = 0;  // both stand for a slot by their low bits
  std::size_t tail_ = 0;
  std::size_t size_ = 0;
};

}  // namespace brim::thrash::model
