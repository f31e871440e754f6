// SPDX-License-Identifier: Apache-2.0
#pragma once
// The multi-generational LRU of Linux 6.1 and later (mm/vmscan.c, lru_gen; the kernel's
// Documentation/mm/multigen_lru.rst), for anonymous memory.
//
// Pages belong to generations, numbered from the oldest (min_seq) to the youngest (max_seq); with
// `generations` G at most (MAX_NR_GENS, 4) the youngest G - 2 (MIN_NR_GENS, 2) are not evicted
// from. A page comes to the youngest. References set the hardware's referenced bit and nothing
// else, the one that loads a page included.
//
// Aging begins a new youngest generation. Before, it walks the page tables: pages found referenced
// go to the generation that is the youngest until then, and lose the bit. It happens where only
// G - 2 generations are left, and where G - 1 are and either more than 1/(G - 2) of the pages are
// in the youngest or fewer than 1/G in the oldest (should_run_aging; kernels since 6.14 age
// whenever G - 1 are left).
//
// Eviction takes the page that came first to the oldest generation. Pages that the walk has put
// into another are sorted out of its list only now, as in the kernel; one that is found referenced
// goes to the youngest generation. An empty generation ends.
//
// The walk takes time in proportion to the resident pages: each time that about a quarter of them,
// or what is in the oldest generation if that is less, have left. Where nearly all of memory is
// referenced between two faults that is often; the kernel then suffers, too. walk_page_tables =
// false (bit 1 of /sys/kernel/mm/lru_gen/enabled) leaves the bits to eviction.
//
// LIMIT: no file pages, and so no tiers, which only concern them; no look at a referenced page's
// neighbours in its page table, and no Bloom filter by which the kernel's walk passes over page
// tables with few referenced pages: our pages have no addresses. Pages leave one at a time, and
// whether to age is asked each time, not once a batch.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "thrash/model/page_ring.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct MglruKnobs {
  std::size_t generations = 4;  // at least 3
  bool walk_page_tables = true;
};

class Mglru : public OnDemand {
 public:
  // `table` must outlive it.
  Mglru(PageTable& table, const MglruKnobs& knobs)
      : table_(&table),
        knobs_(knobs),
        protected_(knobs.generations - 2),
        places_(table.size()),
        pages_(table.size()),
        lists_(knobs.generations),
        sizes_(knobs.generations),
        youngest_(static_cast<Generation>(knobs.generations - 1)) {}

  void hit(PageNumber page, Access /*access*/) { table_->set_referenced(page); }

  void load(PageNumber page, Access /*access*/) {
    table_->set_referenced(page);
    pages_[page].place = static_cast<std::uint32_t>(resident_.size());
    resident_.push_back(page);
    ++sizes_[slot(youngest_)];
    pages_[page].generation = youngest_;
    list(page, youngest_);
  }

  PageNumber victim() {
    BRIM_ASSERT(!resident_.empty());
    for (;;) {
      end_empty_generations();
      if (should_age()) {
        age();
        continue;
      }
      PageRing& oldest = lists_[slot(oldest_)];
      look_ahead(oldest);
      const PageNumber page = oldest.pop_front();
      if (pages_[page].generation != oldest_) {
        list(page, pages_[page].generation);
      } else if (table_->referenced(page)) {
        table_->clear_referenced(page);
        promote(page);
        list(page, youngest_);
      } else {
        forget(page);
        return page;
      }
    }
  }

  void remove(PageNumber page) {
    lists_[slot(pages_[page].listed)].remove(places_, page);
    forget(page);
  }

  void prefetch(PageNumber page) const {
    fetch_ahead(&pages_[page]);
    places_.prefetch(page);
  }

  [[nodiscard]] std::size_t generations() const { return youngest_ - oldest_ + 1; }
  // 0: the youngest.
  [[nodiscard]] std::size_t age_of(PageNumber page) const {
    return youngest_ - pages_[page].generation;
  }
  [[nodiscard]] std::uint64_t walks() const { return walks_; }

 private:
  using Generation = std::uint32_t;
  struct State {
    Generation generation = 0;
    Generation listed = 0;    // on whose list it still is
    std::uint32_t place = 0;  // in resident_
  };

  [[nodiscard]] std::size_t slot(Generation generation) const {
    return generation % knobs_.generations;
  }
  void list(PageNumber page, Generation generation) {
    lists_[slot(generation)].push_back(places_, page);
    pages_[page].listed = generation;
  }
  // It is on no list any more.
  void forget(PageNumber page) {
    --sizes_[slot(pages_[page].generation)];
    const std::uint32_t place = pages_[page].place;
    resident_[place] = resident_.back();
    pages_[resident_[place]].place = place;
    resident_.pop_back();
  }
  // For speed alone.
  void look_ahead(const PageRing& list) const {
    const PageNumber coming = list.coming();
    if (coming == kNoPage) return;
    prefetch(coming);
    table_->will_look_at(coming);
  }

  // Its list is another matter.
  void promote(PageNumber page) {
    --sizes_[slot(pages_[page].generation)];
    ++sizes_[slot(youngest_)];
    pages_[page].generation = youngest_;
  }

  void end_empty_generations() {
    while (generations() > protected_ && lists_[slot(oldest_)].empty()) ++oldest_;
  }

  [[nodiscard]] bool should_age() const {
    if (generations() <= protected_) return true;
    if (generations() > protected_ + 1) return false;
    const std::size_t young = sizes_[slot(youngest_)];
    const std::size_t old = sizes_[slot(oldest_)];
    return young * protected_ > resident_.size() || old * (protected_ + 2) < resident_.size();
  }

  void age() {
    if (knobs_.walk_page_tables) {
      ++walks_;
      for (const PageNumber page : resident_) {
        if (!table_->referenced(page)) continue;
        table_->clear_referenced(page);
        promote(page);
      }
    }
    ++youngest_;
  }

  PageTable* table_;
  MglruKnobs knobs_;
  std::size_t protected_;  // MIN_NR_GENS
  PagePlaces places_;
  std::vector<State, HugePageAllocator<State>> pages_;
  std::vector<PageRing> lists_;       // by slot of a generation; the oldest first
  std::vector<std::size_t> sizes_;    // by slot: pages that belong to it, on its list or not yet
  std::vector<PageNumber> resident_;  // in no order
  Generation oldest_ = 0;
  Generation youngest_;
  std::uint64_t walks_ = 0;
};

}  // namespace brim::thrash::model
