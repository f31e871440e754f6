// SPDX-License-Identifier: Apache-2.0
#pragma once
// Least actively used: FreeBSD's page daemon (vm_pageout.c of FreeBSD 7, from memory). Three
// queues:
//   active    each page has a count of its activity. A scan takes pages from the head: where the
//             referenced bit is set, it is cleared and the count goes up by ACT_ADVANCE, to ACT_MAX
//             at most; where not, the count goes down by ACT_DECLINE, and at 0 the page goes to the
//             inactive queue. All others go to the tail.
//   inactive  a page referenced since it came goes back to active; one that is clean goes to cache;
//             one that is modified is laundered (written back) and goes round once more.
//   cache     clean, and free for the taking: the first leaves. A hit is a soft fault, which makes
//             the page active at once; it counts as a hit, for nothing is read.
// When a page must leave and the cache queue is empty, the daemon runs: it fills the cache queue up
// to its target from the inactive queue, and the inactive one from the active, until there is one.
//
// A page that is loaded is active, with a count of ACT_INIT and its referenced bit set. A scan's
// steps are paid for by references: each makes up for ACT_ADVANCE, a load for ACT_INIT more.
//
// In passes (scan_pass.h, daemon_passes.h) each queue is gone over once at most, and time passes
// between. What is clean and inactive leaves at once; there is no cache queue of the policy's own.
//
// LIMIT: FreeBSD adds the number of mappings that were referenced to ACT_ADVANCE, and looks at
// active pages now and then when memory is not short. Without passes the daemon does not run ahead
// of need, modified pages do not go round once before they are laundered, and as many are as are
// wanted; and as the daemon takes no time, scans that one fault repeats see no reference between.

#include "base/fetch_ahead.h"
#include "thrash/model/page_list.h"
#include "thrash/model/page_ring.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace brim::thrash::model {

// About what FreeBSD takes for a machine of some GiB: v_inactive_target, v_cache_min.
struct LauKnobs {
  double inactive = 0.03;  // of the frames; at least one
  double cache = 0.02;     // likewise
};

class Lau : public OnDemand {
 public:
  static constexpr std::uint8_t kActInit = 5;
  static constexpr std::uint8_t kActAdvance = 3;
  static constexpr std::uint8_t kActDecline = 1;
  static constexpr std::uint8_t kActMax = 64;

  // `table` must outlive it.
  Lau(PageTable& table, std::size_t frames, const LauKnobs& knobs)
      : table_(&table),
        inactive_target_(target(knobs.inactive, frames)),
        cache_target_(target(knobs.cache, frames)),
        pages_(table.size()),
        places_(table.size()),
        links_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) {
    table_->set_referenced(page);
    if (pages_[page].on != Queue::cache) [[likely]]
      return;
    cache_.remove(links_, page);
    activate(page);
  }

  void load(PageNumber page, Access /*access*/) {
    table_->set_referenced(page);
    pages_[page].count = 0;
    activate(page);
  }

  PageNumber victim() {
    while (cache_.empty()) run_daemon();
    const PageNumber page = cache_.pop_front(links_);
    look_ahead(cache_);
    return page;
  }

  void remove(PageNumber page) {
    switch (pages_[page].on) {
      case Queue::active:
        return active_.remove(places_, page);
      case Queue::inactive:
        return inactive_.remove(links_, page);
      case Queue::cache:
        return cache_.remove(links_, page);
    }
  }

  PageNumber next_of_pass(ScanPass& pass) {
    while (!pass.looks_at_active) {
      if (pass.inactive == 0 || pass.shortage == 0 || inactive_.empty()) {
        begin_active(pass);
        break;
      }
      if (pass.room == 0) return kNoPage;
      --pass.inactive;
      const PageNumber page = inactive_.pop_front(links_);
      look_ahead(inactive_);
      if (pass_over_inactive(page, pass)) return page;
    }
    for (; pass.active > 0 && pass.shortage > 0 && !active_.empty(); --pass.active)
      pass.shortage -= look_at_active() ? 1 : 0;
    pass.over = true;
    return kNoPage;
  }
  [[nodiscard]] ListSizes list_sizes() const { return {active_.size(), inactive_.size()}; }

  // Of a page on the active queue: FreeBSD's act_count.
  [[nodiscard]] std::uint32_t activity(PageNumber page) const { return pages_[page].count; }

  void prefetch(PageNumber page) const { fetch_ahead(&pages_[page]); }

 private:
  enum class Queue : std::uint8_t { active, inactive, cache };
  struct State {
    Queue on = Queue::active;
    std::uint8_t count = 0;   // of activity
    bool went_round = false;  // the inactive queue, modified
  };

  static std::size_t target(double share, std::size_t frames) {
    return std::max<std::size_t>(1, static_cast<std::size_t>(share * static_cast<double>(frames)));
  }

  void activate(PageNumber page) {
    pages_[page] = {Queue::active, std::max(pages_[page].count, kActInit)};
    active_.push_back(places_, page);
  }

  void run_daemon() {
    for (std::size_t left = inactive_.size(); left > 0 && cache_.size() < cache_target_; --left) {
      const PageNumber page = inactive_.pop_front(links_);
      look_ahead(inactive_);
      look_at_inactive(page);
    }
    const std::size_t enough = inactive_target_ + cache_target_;
    for (std::size_t left = active_.size(); left > 0 && inactive_.size() + cache_.size() < enough;
         --left)
      look_at_active();
  }

  // For speed alone.
  void look_ahead(const PageList& list) const {
    if (list.empty()) return;
    PageList::prefetch(links_, list.first());
    prefetch(list.first());
    table_->will_look_at(list.first());
  }

  void look_at_inactive(PageNumber page) {
    if (table_->referenced(page)) {
      table_->clear_referenced(page);
      activate(page);
      advance(page);
    } else if (table_->modified(page)) {
      table_->write_back(page);
      inactive_.push_back(links_, page);
    } else {
      pages_[page].on = Queue::cache;
      cache_.push_back(links_, page);
    }
  }

  // Of a pass: whether it leaves.
  bool pass_over_inactive(PageNumber page, ScanPass& pass) {
    if (table_->referenced(page)) {
      table_->clear_referenced(page);
      activate(page);
      advance(page);
      return false;
    }
    if (!table_->modified(page)) {
      --pass.shortage;
      pass.target -= std::min<std::size_t>(pass.target, 1);
      return true;
    }
    table_->looked_at();
    const bool first_trip = pass.second_trip && !std::exchange(pages_[page].went_round, true);
    if (!first_trip && pass.launder > 0) {
      table_->write_back(page);
      --pass.launder;
      --pass.shortage;
      --pass.room;
    }
    inactive_.push_back(links_, page);
    return false;
  }

  void begin_active(ScanPass& pass) const {
    pass.looks_at_active = true;
    const std::size_t wanted = pass.target + inactive_target_;
    pass.shortage = wanted - std::min(wanted, inactive_.size());
  }

  // Whether it is inactive now.
  bool look_at_active() {
    if (const PageNumber coming = active_.coming(); coming != kNoPage) {
      table_->prefetch(coming);
      prefetch(coming);
      places_.prefetch(coming);
    }
    const PageNumber page = active_.pop_front();
    State& state = pages_[page];
    if (table_->referenced(page)) {
      table_->clear_referenced(page);
      advance(page);
    } else {
      table_->looked_at();
      state.count -= std::min(state.count, kActDecline);
    }
    if (state.count > 0) {
      active_.push_back(places_, page);
      return false;
    }
    state.on = Queue::inactive;
    state.went_round = false;
    inactive_.push_back(links_, page);
    return true;
  }

  void advance(PageNumber page) {
    std::uint8_t& count = pages_[page].count;
    count = std::min<std::uint8_t>(kActMax, count + kActAdvance);
  }

  PageTable* table_;
  std::size_t inactive_target_;
  std::size_t cache_target_;
  std::vector<State> pages_;
  PagePlaces places_;  // of the active queue
  PageRing active_;
  PageLinks links_;  // of the others
  PageList inactive_;
  PageList cache_;
};

}  // namespace brim::thrash::model
