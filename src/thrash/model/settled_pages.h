// SPDX-License-Identifier: Apache-2.0
#pragma once
// The pages of one process in two parts: settled ones, of which an access changes nothing (the page
// is resident and its bits are set already), and all others. Numbers are the process's own, from 0.
// Any of either part can be had by its place: drawing one at random is one look.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace brim::thrash::model {

class SettledPages {
 public:
  // None is settled.
  explicit SettledPages(std::uint32_t pages) : order_(pages), place_(pages) {
    for (std::uint32_t page = 0; page < pages; ++page) order_[page] = place_[page] = page;
  }

  [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(order_.size()); }
  [[nodiscard]] std::uint32_t settled() const { return settled_; }
  [[nodiscard]] std::uint32_t others() const { return size() - settled_; }
  [[nodiscard]] bool is_settled(std::uint32_t page) const { return place_[page] < settled_; }
  // place < others()
  [[nodiscard]] std::uint32_t other(std::uint32_t place) const { return order_[settled_ + place]; }

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
    std::swap(order_[from], order_[to]);
    place_[there] = from;
    place_[page] = to;
  }

  std::vector<std::uint32_t> order_;  // the settled ones first
  std::vector<std::uint32_t> place_;  // in order_, by page
  std::uint32_t settled_ = 0;
};

}  // namespace brim::thrash::model
