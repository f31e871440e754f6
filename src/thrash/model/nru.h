// SPDX-License-Identifier: Apache-2.0
#pragma once
// Not recently used: pages are of four classes, by their referenced and modified bits, and a page
// of the lowest class that has any leaves, at random (Tanenbaum, "Modern Operating Systems", page
// replacement algorithms). A timer clears all referenced bits at each tick:
//   0: not referenced, not modified      2: referenced, not modified
//   1: not referenced, modified          3: referenced, modified
// That a page modified but not referenced should leave later than one referenced but clean, some
// systems think; this is the textbook's order.
//
// Loading a page sets its referenced bit, as hardware does when the instruction is made again.
// A class is a bag of pages that a hit moves its page between, so no fault looks at all frames; a
// tick costs no more than the references since the last.
//
// LIMIT: a page that others write back is in its old class until it is referenced again.

#include "base/rng.h"
#include "thrash/model/replacement.h"
#include "thrash/model/ticks.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct NruKnobs {
  std::uint64_t interval = 0;  // between ticks, in units of PageTable::now(); 0: as many as frames
};

class Nru : public OnDemand {
 public:
  // `table` must outlive it.
  Nru(PageTable& table, std::size_t frames, const NruKnobs& knobs, const Rng& rng)
      : table_(&table),
        ticks_(knobs.interval != 0 ? knobs.interval : frames),
        pages_(table.size()),
        rng_(rng) {}

  void hit(PageNumber page, Access /*access*/) {
    keep_time();
    table_->set_referenced(page);
    const std::uint32_t now = class_now(page);
    if (pages_[page].of == now) return;
    take_out(page);
    put_in(page, now);
  }

  void load(PageNumber page, Access /*access*/) {
    keep_time();
    table_->set_referenced(page);
    put_in(page, class_now(page));
  }

  PageNumber victim() {
    keep_time();
    const auto lowest =
        std::ranges::find_if(classes_, [](const auto& one) { return !one.empty(); });
    BRIM_ASSERT(lowest != classes_.end());
    const PageNumber page = (*lowest)[rng_.below(lowest->size())];
    take_out(page);
    return page;
  }

  void remove(PageNumber page) { take_out(page); }

  void prefetch(PageNumber page) const { __builtin_prefetch(&pages_[page], 1); }

 private:
  static constexpr std::uint32_t kReferencedClass = 2;
  static constexpr std::uint32_t kModifiedClass = 1;

  [[nodiscard]] std::uint32_t class_now(PageNumber page) const {
    return (table_->referenced(page) ? kReferencedClass : 0) +
           (table_->modified(page) ? kModifiedClass : 0);
  }

  void keep_time() {
    if (ticks_.passed(table_->now()) != 0) clear_referenced();
  }

  void clear_referenced() {
    for (const std::uint32_t modified : {0U, kModifiedClass}) {
      auto& referenced = classes_[kReferencedClass + modified];
      for (const PageNumber page : referenced) {
        table_->clear_referenced(page);
        put_in(page, modified);
      }
      referenced.clear();
    }
  }

  void put_in(PageNumber page, std::uint32_t to) {
    pages_[page] = {to, static_cast<std::uint32_t>(classes_[to].size())};
    classes_[to].push_back(page);
  }

  void take_out(PageNumber page) {
    const auto [of, place] = pages_[page];
    auto& from = classes_[of];
    from[place] = from.back();
    pages_[from.back()].place = place;
    from.pop_back();
  }

  struct Place {
    std::uint32_t of = 0;     // class
    std::uint32_t place = 0;  // within it
  };

  PageTable* table_;
  Ticks ticks_;
  std::vector<Place> pages_;
  std::array<std::vector<PageNumber>, 4> classes_;
  Rng rng_;
};

}  // namespace brim::thrash::model
