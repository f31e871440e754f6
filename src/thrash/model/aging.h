// SPDX-License-Identifier: Apache-2.0
#pragma once
// Aging: at each tick of a timer a page's counter is shifted to the right by one bit and its
// referenced bit, which is cleared, put in on the left. The page with the lowest counter leaves; of
// several the one that was loaded first (Tanenbaum, "Modern Operating Systems", page replacement
// algorithms: LRU simulated in software).
//
// What the textbook leaves open: loading a page sets its referenced bit, and until the next tick it
// is compared as it will be after it, as 100...0. With the 0 its counter is, what was loaded last
// would always leave first.
//
// Between ticks counters stand still. So a tick, which must look at all pages anyway, sorts them,
// and the faults until the next take them one after another.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"
#include "thrash/model/ticks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <utility>
#include <vector>

namespace brim::thrash::model {

struct AgingKnobs {
  std::uint32_t bits = 8;      // 1 to 32
  std::uint64_t interval = 0;  // between ticks, in units of PageTable::now(); 0: as many as frames
};

class Aging : public OnDemand {
 public:
  // `table` must outlive it.
  Aging(PageTable& table, std::size_t frames, const AgingKnobs& knobs)
      : table_(&table),
        highest_(std::uint32_t{1} << (knobs.bits - 1)),
        ticks_(knobs.interval != 0 ? knobs.interval : frames),
        place_(table.size()),
        links_(table.size()) {
    BRIM_ASSERT(knobs.bits >= 1 && knobs.bits <= 32);
  }

  void hit(PageNumber page, Access /*access*/) {
    keep_time();
    table_->set_referenced(page);
  }

  void load(PageNumber page, Access /*access*/) {
    keep_time();
    table_->set_referenced(page);
    place_[page] = kNew;
    new_.push_back(links_, page);
  }

  PageNumber victim() {
    keep_time();
    for (;; ++turn_) {
      if (turn_ >= above_new_ && !new_.empty()) return new_.pop_front(links_);
      BRIM_ASSERT(turn_ < ranked_.size());
      PageNumber& page = order_[ranked_[turn_]];
      if (page != kNoPage) return std::exchange(page, kNoPage);
    }
  }

  void remove(PageNumber page) {
    if (place_[page] == kNew)
      new_.remove(links_, page);
    else
      order_[place_[page]] = kNoPage;
  }

  // What the page is compared by.
  [[nodiscard]] std::uint32_t counter(PageNumber page) const {
    return place_[page] == kNew ? highest_ : counters_[place_[page]];
  }

 private:
  static constexpr std::uint32_t kNew = UINT32_MAX;

  void keep_time() {
    if (const std::uint64_t ticks = ticks_.passed(table_->now()); ticks != 0) tick(ticks);
  }

  void tick(std::uint64_t ticks) {
    const std::size_t known = order_.size();
    std::size_t kept = 0;
    for (std::size_t place = 0; place < known; ++place) {
      if (order_[place] == kNoPage) continue;
      order_[kept] = order_[place];
      counters_[kept] = aged(order_[place], counters_[place], ticks);
      place_[order_[kept]] = static_cast<std::uint32_t>(kept);
      ++kept;
    }
    order_.resize(kept);
    counters_.resize(kept);
    while (!new_.empty()) {
      const PageNumber page = new_.pop_front(links_);
      place_[page] = static_cast<std::uint32_t>(order_.size());
      order_.push_back(page);
      counters_.push_back(aged(page, 0, ticks));
    }
    for (const PageNumber page : order_) table_->clear_referenced(page);
    rank();
  }

  // In all ticks but the first nothing was referenced.
  [[nodiscard]] std::uint32_t aged(PageNumber page, std::uint32_t counter,
                                   std::uint64_t ticks) const {
    const std::uint32_t once = counter >> 1 | (table_->referenced(page) ? highest_ : 0);
    return ticks > 32 ? 0 : once >> (ticks - 1);
  }

  // A radix sort, that leaves pages of the same counter in the order of their loads.
  void rank() {
    ranked_.resize(order_.size());
    std::iota(ranked_.begin(), ranked_.end(), 0U);
    sorted_.resize(order_.size());
    for (std::uint32_t shift = 0; shift < 32 && highest_ >> shift != 0; shift += 8) {
      const auto digit = [&](std::uint32_t place) { return counters_[place] >> shift & 0xff; };
      std::array<std::uint32_t, 257> start{};
      for (const std::uint32_t place : ranked_) ++start[digit(place) + 1];
      std::partial_sum(start.begin(), start.end(), start.begin());
      for (const std::uint32_t place : ranked_) sorted_[start[digit(place)]++] = place;
      ranked_.swap(sorted_);
    }
    turn_ = 0;
    const auto above = std::ranges::upper_bound(
        ranked_, highest_, {}, [this](std::uint32_t place) { return counters_[place]; });
    above_new_ = static_cast<std::size_t>(above - ranked_.begin());
  }

  PageTable* table_;
  std::uint32_t highest_;  // bit of a counter
  Ticks ticks_;
  std::vector<std::uint32_t> place_;  // by page: in order_, or kNew

  // As of the last tick.
  std::vector<PageNumber> order_;        // by load; kNoPage: it has left
  std::vector<std::uint32_t> counters_;  // by place in order_
  std::vector<std::uint32_t> ranked_;    // places in order_, by counter
  std::vector<std::uint32_t> sorted_;    // of rank(), kept for the next
  std::size_t turn_ = 0;                 // in ranked_: all before have left
  std::size_t above_new_ = 0;            // in ranked_: the first with more than 100...0

  PageLinks links_;
  PageList new_;  // since the last tick, by load
};

}  // namespace brim::thrash::model
