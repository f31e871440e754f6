// SPDX-License-Identifier: Apache-2.0
#pragma once
// A queue of pages in an array, for one that is scanned again and again: from head to tail it is
// read in the order of memory, so that what is known of the next pages can be fetched ahead, where
// each step of a linked list waits for the one before. A page that is removed leaves a hole until
// the head comes to it or the array is full.

#include "base/result.h"
#include "thrash/model/page_table.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

class PageRing {
 public:
  explicit PageRing(std::size_t pages) : place_(pages), slots_(kLeast, kNoPage) {}

  [[nodiscard]] bool empty() const { return size_ == 0; }
  [[nodiscard]] std::size_t size() const { return size_; }

  // Must not be in it.
  void push_back(PageNumber page) {
    if (tail_ - head_ == slots_.size()) close_holes();
    place_[page] = static_cast<std::uint32_t>(tail_ & (slots_.size() - 1));
    slots_[place_[page]] = page;
    ++tail_;
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
  void remove(PageNumber page) {
    slots_[place_[page]] = kNoPage;
    --size_;
  }

  // For speed alone: a page that will be first in a while, or kNoPage.
  [[nodiscard]] PageNumber coming() const {
    const PageNumber page = slots_[(head_ + kAhead) & (slots_.size() - 1)];
    if (page != kNoPage) __builtin_prefetch(&place_[page], 1);
    return page;
  }

 private:
  static constexpr std::size_t kLeast = 16;
  static constexpr std::size_t kAhead = 12;

  // To between a quarter and half full.
  void close_holes() {
    std::size_t slots = kLeast;
    while (slots < 2 * size_) slots *= 2;
    std::vector<PageNumber> closed(slots, kNoPage);
    std::size_t tail = 0;
    for (; head_ < tail_; ++head_) {
      const PageNumber page = slots_[head_ & (slots_.size() - 1)];
      if (page == kNoPage) continue;
      place_[page] = static_cast<std::uint32_t>(tail);
      closed[tail++] = page;
    }
    slots_.swap(closed);
    head_ = 0;
    tail_ = tail;
  }

  std::vector<std::uint32_t> place_;  // by page: in slots_
  std::vector<PageNumber> slots_;     // a power of two; what is not between head and tail is stale
  std::size_t head_ = 0;              // both only grow, and stand for a slot by their low bits
  std::size_t tail_ = 0;
  std::size_t size_ = 0;
};

}  // namespace brim::thrash::model
