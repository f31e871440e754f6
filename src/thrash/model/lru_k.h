// SPDX-License-Identifier: Apache-2.0
#pragma once
// LRU-K: O'Neil, O'Neil and Weikum, "The LRU-K page replacement algorithm for database disk
// buffering" (SIGMOD 1993), figure 2.1. The page whose K-th last reference is longest ago leaves;
// pages with fewer than K known references before all others, by LRU among them (the paper leaves
// that open). K = 1 is LRU.
//
// References within `correlated` of the page's last one belong to the same use: they do not count,
// and a page is not chosen for so long after its last reference. Where all resident pages are that
// young, which the paper leaves open, the one that would be chosen but for that leaves. The times
// of a use that went on are moved by its length, as in the paper; unknown times stay unknown.
//
// The references of pages that left are remembered: of the last `history` times as many pages as
// there are frames, by when they left. (The paper remembers for a time, its retained information
// period, which its five minute rule would put at about 200 s.)
//
// The cost: a hit writes K times. victim() takes logarithmic time for each page hit since it was
// last looked at: the heap has keys as of then, and as keys only grow, it is enough to bring the
// first up to date until it stays the first. Times are the table's.
//
// LIMIT: K times of 8 bytes are kept for every page of the memory, resident or not.

#include "thrash/model/page_heap.h"
#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace brim::thrash::model {

struct LruKKnobs {
  std::size_t k = 2;  // at least 1
  std::uint64_t correlated = 0;
  double history = 1;  // pages that are remembered, for each frame
};

class LruK : public OnDemand {
 public:
  // `table` must outlive it.
  LruK(const PageTable& table, std::size_t frames, const LruKKnobs& knobs)
      : table_(&table),
        knobs_(knobs),
        ghosts_most_(static_cast<std::size_t>(knobs.history * static_cast<double>(frames))),
        times_(table.size() * knobs.k),
        last_(table.size()),
        heap_(table.size()),
        links_(table.size()),
        remembered_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) {
    const std::uint64_t now = table_->now();
    if (now - last_[page] > knobs_.correlated) begin_use(page, last_[page] - times(page)[0], now);
    last_[page] = now;
  }

  void load(PageNumber page, Access /*access*/) {
    const std::uint64_t now = table_->now();
    if (remembered_[page]) {
      ghosts_.remove(links_, page);
      remembered_[page] = false;
    } else {
      std::ranges::fill(times(page), kUnknown);
    }
    begin_use(page, 0, now);
    last_[page] = now;
    heap_.push(page, key(page));
  }

  PageNumber victim() {
    PageNumber chosen = pop_first();
    const PageNumber first = chosen;
    while (in_use(chosen)) {
      spared_.push_back(chosen);
      if (heap_.empty()) {
        chosen = first;
        break;
      }
      chosen = pop_first();
    }
    for (const PageNumber page : spared_)
      if (page != chosen) heap_.push(page, key(page));
    spared_.clear();
    remember(chosen);
    return chosen;
  }

  void remove(PageNumber page) { heap_.remove(page); }

  void prefetch(PageNumber page) const {
    __builtin_prefetch(&last_[page], 1);
    __builtin_prefetch(&times_[page * knobs_.k], 1);
  }

 private:
  static constexpr std::uint64_t kUnknown = 0;

  // Who has the least leaves first.
  struct Key {
    std::uint64_t kth_last;
    std::uint64_t last;
    PageNumber page;
    auto operator<=>(const Key&) const = default;
  };

  // The last first.
  [[nodiscard]] std::span<std::uint64_t> times(PageNumber page) {
    return {&times_[page * knobs_.k], knobs_.k};
  }
  [[nodiscard]] Key key(PageNumber page) { return {times(page)[knobs_.k - 1], last_[page], page}; }

  void begin_use(PageNumber page, std::uint64_t length_of_last, std::uint64_t now) {
    const std::span<std::uint64_t> known = times(page);
    for (std::size_t i = known.size() - 1; i > 0; --i)
      known[i] = known[i - 1] == kUnknown ? kUnknown : known[i - 1] + length_of_last;
    known[0] = now;
  }

  [[nodiscard]] bool in_use(PageNumber page) const {
    return knobs_.correlated > 0 && table_->now() - last_[page] <= knobs_.correlated;
  }

  PageNumber pop_first() {
    for (;;) {
      const auto [old, page] = heap_.first();
      const Key current = key(page);
      if (old == current) {
        heap_.remove(page);
        return page;
      }
      heap_.raise_first(current);
    }
  }

  void remember(PageNumber page) {
    ghosts_.push_front(links_, page);
    remembered_[page] = true;
    if (ghosts_.size() > ghosts_most_) remembered_[ghosts_.pop_back(links_)] = false;
  }

  const PageTable* table_;
  LruKKnobs knobs_;
  std::size_t ghosts_most_;
  std::vector<std::uint64_t> times_;  // K for each page: when its last uses began
  std::vector<std::uint64_t> last_;   // by page: its last reference
  PageHeap<Key> heap_;                // the resident ones
  PageLinks links_;
  PageList ghosts_;               // what is remembered, the last that left first
  std::vector<bool> remembered_;  // by page
  std::vector<PageNumber> spared_;
};

}  // namespace brim::thrash::model
