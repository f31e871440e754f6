// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which pages uniform draws among those that are not settled will give, a few draws ahead, from a
// copy of the randomness that they are made of. For speed alone: where most accesses are faults,
// most of their cost is waiting for the numbers of pages, and then for what is known of them.
//
// A draw is taken to be made as access_pattern.cpp makes it: chances until one is to a page that is
// not settled, and then which. It is taken to settle that page, and no other to change. Where pages
// were unsettled meanwhile a draw gives another page: what was said is wrong, and said anew.

#include "base/rng.h"
#include "thrash/model/settled_pages.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>

namespace brim::thrash::model {

class ComingDraws {
 public:
  // `draws_kind`: one more draw is made after each.
  ComingDraws(const Rng& rng, bool draws_kind) : ahead_(rng), draws_kind_(draws_kind) { forget(); }

  // The other at `place` was drawn, and `rng` is as it is after that.
  void drew(const SettledPages& pages, std::uint32_t place, const Rng& rng) {
    if (pages.others() <= pages.size() / 4) return forget();  // faults are few
    const std::size_t drawn = turn_;
    turn_ = (turn_ + 1) % kAhead;
    if (places_[drawn] == pages.settled() + place) {
      places_[drawn] = draw(pages, kAhead);
      return;
    }
    ahead_ = rng;
    for (std::uint32_t after = 1; after <= kAhead; ++after)
      places_[(drawn + after) % kAhead] = draw(pages, after);
  }

  // What the next draw gives, most likely, with `draws` 1; the one after that with 2. Where it
  // stands was fetched some draws ago.
  [[nodiscard]] std::optional<std::uint32_t> page(const SettledPages& pages,
                                                  std::uint32_t draws) const {
    const std::uint32_t place = places_[(turn_ + draws - 1) % kAhead];
    if (place < pages.settled() || place >= pages.size()) return std::nullopt;
    return pages.other(place - pages.settled());
  }

 private:
  static constexpr std::uint32_t kAhead = 4;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  void forget() { places_.fill(kNone); }

  // The place of the next draw of `ahead_`, when so many more pages are settled.
  std::uint32_t draw(const SettledPages& pages, std::uint32_t more) {
    if (pages.others() <= more) return kNone;
    const std::uint32_t others = pages.others() - more;
    while (!ahead_.chance(static_cast<double>(others) / pages.size())) {
    }
    const auto place = static_cast<std::uint32_t>(more + ahead_.below(others));
    if (draws_kind_) (void)ahead_.next();
    pages.prefetch_other(place);
    return pages.settled() + place;
  }

  Rng ahead_;
  bool draws_kind_;
  std::array<std::uint32_t, kAhead> places_{};  // of the next draws, the settled pages counted
  std::size_t turn_ = 0;                        // of the next in places_
};

}  // namespace brim::thrash::model
