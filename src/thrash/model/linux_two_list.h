// SPDX-License-Identifier: Apache-2.0
#pragma once
// Linux's active and inactive list for anonymous memory (mm/vmscan.c and mm/workingset.c of 5.x and
// 6.x, without the multi-generational LRU of mglru.h).
//
// A reference sets the hardware's referenced bit and nothing else, the one that loads a page
// included: the faulting instruction is made again. The bit is looked at where a page comes to the
// end of its list:
//   inactive (shrink_inactive_list, page_check_references): not referenced: it leaves. Referenced
//     for the first time: it goes another round, marked (PG_referenced). Referenced and marked: it
//     is activated. The mark stays when a page is deactivated, so that one round is enough then.
//   active (shrink_active_list): it is deactivated, referenced or not, and loses the bit: only
//     executable file pages are spared.
// After every `batch` pages scanned on the inactive list, and where it is empty, as many of the
// active list are deactivated while inactive * inactive_ratio < active (inactive_is_low): the ratio
// is the root of ten times the gigabytes of both lists, and 1 below one gigabyte. (The kernel scans
// both lists in proportion to their sizes then, and gets there over a few rounds.)
//
// Refault distance: `age` counts the pages that left and those that were activated. A page that
// comes back while the count has grown by no more than there are active pages is activated at once.
//
// In passes (scan_pass.h) it is 2.6.22's: 32 pages of the active list and 32 of the inactive one in
// turns, as many as the pass has. On the active list a page that was referenced loses the bit and
// goes round again, others are deactivated (shrink_active_list); on the inactive one a referenced
// page is activated.
//
// `start` is where new pages go: to the inactive list since Linux 5.9 (2020), whose rules the above
// are; before, to the active list, as did those that came back, with no refault distance, and a
// page on the inactive list was activated when first found referenced.
//
// LIMIT: one pair of lists, with no file pages beside it. Pages leave one at a time, as frames are
// asked for; the kernel takes all it can of a batch of 32, and some before they are needed
// (kswapd). The active list is shrunk only when inactive is low; the kernel does so besides at
// the first reclaim that sees refaults, which it counts anew each two seconds, and where nothing
// else can be taken. A page is 4 KiB, mapped once, and swapped in alone.
// LIMIT: it knows its lists' sizes at any time; a limited cgroup's is linux_group.h.
// LIMIT: ages are of 32 bits: a page that comes back after 2^32 others left may be activated.
//
// Beside Linux 6.18 (10,000 hot pages at random in 20,700 frames, every third of 600,000 references
// to a page that is never used again): there hot pages came back 7,499 times, hardly any in the
// last half, and the lists were as long as each other; here 6,195 times. LRU: 34,843.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "base/result.h"
#include "thrash/model/page_ring.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

enum class LinuxStart : std::uint8_t { inactive, active };

struct LinuxTwoListKnobs {
  LinuxStart start = LinuxStart::inactive;
  std::size_t batch = 32;          // SWAP_CLUSTER_MAX; at least 1
  std::size_t inactive_ratio = 0;  // 0: by the size of memory
};

class LinuxTwoList : public OnDemand {
 public:
  // `table` must outlive it.
  LinuxTwoList(PageTable& table, const LinuxTwoListKnobs& knobs)
      : table_(&table), knobs_(knobs), places_(table.size()), pages_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    table_->set_referenced(page);
    pages_[page].marked = false;
    if (knobs_.start == LinuxStart::active) {
      put_on_active(page);
    } else if (refaults_soon(page)) {
      ++age_;
      put_on_active(page);
    } else {
      put_on_inactive(page);
    }
  }

  PageNumber victim() {
    for (;;) {
      if (scanned_ == knobs_.batch || inactive_.empty()) {
        scanned_ = 0;
        while (inactive_is_low()) shrink_active();
      }
      ++scanned_;
      look_ahead();
      const PageNumber page = inactive_.pop_front();
      if (!table_->referenced(page)) {
        pages_[page].left_at = ++age_;
        return page;
      }
      table_->clear_referenced(page);
      if (pages_[page].marked || knobs_.start == LinuxStart::active) {
        ++age_;
        put_on_active(page);
      } else {
        put_on_inactive(page);
      }
      pages_[page].marked = true;
    }
  }

  PageNumber next_of_pass(ScanPass& pass) {
    for (;;) {
      if (inactive_.empty()) pass.inactive = pass.inactive_batch = 0;
      if (pass.inactive_batch == 0) {
        pass.over = pass.active == 0 && pass.inactive == 0;
        if (pass.over) return kNoPage;
        pass_over_active(pass);
        pass.inactive_batch = std::min(pass.inactive, knobs_.batch);
        continue;
      }
      BRIM_ASSERT(pass.inactive_batch <= pass.inactive);
      --pass.inactive_batch;
      --pass.inactive;
      look_ahead();
      const PageNumber page = inactive_.pop_front();
      if (!table_->referenced(page)) return page;
      table_->clear_referenced(page);
      put_on_active(page);
    }
  }
  [[nodiscard]] ListSizes list_sizes() const { return {active_.size(), inactive_.size()}; }

  void remove(PageNumber page) {
    (pages_[page].active ? active_ : inactive_).remove(places_, page);
    pages_[page].left_at = kNever;
  }

  void prefetch(PageNumber page) const {
    fetch_ahead(&pages_[page]);
    places_.prefetch(page);
  }

  [[nodiscard]] bool active(PageNumber page) const { return pages_[page].active; }

 private:
  static constexpr std::uint32_t kNever = 0;
  static constexpr std::size_t kPagesPerGigabyte = std::size_t{1} << 18;

  struct State {
    std::uint32_t left_at = kNever;  // the age, the page itself counted
    bool active = false;
    bool marked = false;
  };

  void put_on_active(PageNumber page) {
    active_.push_back(places_, page);
    pages_[page].active = true;
  }
  void put_on_inactive(PageNumber page) {
    inactive_.push_back(places_, page);
    pages_[page].active = false;
  }

  // The kernel notes the age before the page that leaves is counted: 1 more than the difference.
  [[nodiscard]] bool refaults_soon(PageNumber page) const {
    const std::uint32_t left_at = pages_[page].left_at;
    return left_at != kNever && age_ - left_at + 1 <= active_.size();
  }

  [[nodiscard]] bool inactive_is_low() const {
    return inactive_.size() * inactive_ratio() < active_.size();
  }
  [[nodiscard]] std::size_t inactive_ratio() const {
    if (knobs_.inactive_ratio > 0) return knobs_.inactive_ratio;
    const std::size_t gigabytes = (inactive_.size() + active_.size()) / kPagesPerGigabyte;
    const double root = std::sqrt(10 * static_cast<double>(gigabytes));
    return std::max<std::size_t>(1, static_cast<std::size_t>(root));
  }

  // Waiting for what is known of pages is most of the work: it is asked for ahead.
  void look_ahead() const {
    const PageNumber coming = inactive_.coming();
    if (coming == kNoPage) return;
    table_->will_look_at(coming);
    prefetch(coming);
  }

  void look_ahead_on_active() const {
    const PageNumber coming = active_.coming();
    if (coming == kNoPage) return;
    table_->prefetch(coming);
    prefetch(coming);
  }

  void pass_over_active(ScanPass& pass) {
    if (active_.empty()) pass.active = 0;
    const std::size_t pages = std::min(pass.active, knobs_.batch);
    pass.active -= pages;
    for (std::size_t i = 0; i < pages && !active_.empty(); ++i) {
      look_ahead_on_active();
      const PageNumber page = active_.pop_front();
      const bool referenced = !pass.spares_mapped && table_->referenced(page);
      if (referenced)
        table_->clear_referenced(page);
      else
        table_->looked_at();
      if (referenced || pass.spares_mapped)
        put_on_active(page);
      else
        put_on_inactive(page);
    }
  }

  void shrink_active() {
    for (std::size_t i = 0; i < knobs_.batch && !active_.empty(); ++i) {
      look_ahead_on_active();
      const PageNumber page = active_.pop_front();
      table_->clear_referenced(page);
      put_on_inactive(page);
    }
  }

  PageTable* table_;
  LinuxTwoListKnobs knobs_;
  PagePlaces places_;
  PageRing inactive_;  // the oldest first
  PageRing active_;    // the oldest first
  std::vector<State, HugePageAllocator<State>> pages_;
  std::uint32_t age_ = 0;    // the kernel's nonresident_age
  std::size_t scanned_ = 0;  // of this batch
};

}  // namespace brim::thrash::model
