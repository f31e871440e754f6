// SPDX-License-Identifier: Apache-2.0
#pragma once
// The pages of one process in two parts: settled ones, of which an access changes nothing (the page
// is resident and its bits are set already), and all others. Numbers are the process's own, from 0.
// Any of either part can be had by its place: drawing one at random is one look. The room for what
// is known of each page is given: of all processes it is together, where it can be fetched ahead by
// the page's number alone.

#include "base/fetch_ahead.h"
#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>

namespace brim::thrash::model {

class SettledPages {
 public:
  // Of as many pages as both have room for, none of which is settled. The room must outlive it.
  SettledPages(std::span<std::uint32_t> order, std::span<std::uint32_t> place)
      : order_(order), place_(place) {
    BRIM_ASSERT(order.size() == place.size());
    for (std::uint32_t page = 0; page < size(); ++page) order_[page] = place_[page] = page;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(order_.size()); }
  [[nodiscard]] std::uint32_t settled() const { return settled_; }
  [[nodiscard]] std::uint32_t others() const { return size() - settled_; }
  [[nodiscard]] bool is_settled(std::uint32_t page) const { return place_[page] < settled_; }
  // place < others()
  [[nodiscard]] std::uint32_t other(std::uint32_t place) const { return order_[settled_ + place]; }

  // For speed alone: the other at about this place will be asked for.
  void prefetch_other(std::uint32_t place) const { fetch_ahead(&order_[settled_ + place]); }

  void settle(std::uint32_t page) {
    if (is_settled(page)) return;
    move(page, settled_++);
  }
  // Whether it was.
  bool unsettle(std::uint32_t page) {
    if (!is_settled(page)) return false;
    move(page, --settled_);
    return true;
  }

 private:
  void move(std::uint32_t page, std::uint32_t to) {
    const std::uint32_t from = place_[page];
    const std::uint32_t there = order_[to];
    order_[from] = there;  // it was `page`, and to look is to wait for it
    order_[to] = page;
    place_[there] = from;
    place_[page] = to;
  }

  std::span<std::uint32_t> order_;  // the settled ones first
  std::span<std::uint32_t> place_;  // in order_, by page
  std::uint32_t settled_ = 0;
};

}  // namespace brim::thrash::model
