// SPDX-License-Identifier: Apache-2.0
#pragma once
// What ARC (arc.h) and CAR (car.h) have in common: the four lists of their papers and the target p.
//
// With c frames: T1 has resident pages seen once of late, T2 those seen at least twice; B1 and B2
// remember pages that left T1 and T2 (ghosts: numbers without a frame). p is how many of the frames
// T1 should have, from 0 to c, and need not be whole. A page found in B1 says that T1 is too small,
// one found in B2 that T2 is: p moves by 1, or by as much more as the other ghost list is longer.
//
// Always: |T1| + |T2| <= c; |T1| + |B1| <= c; all four together <= 2c; a page is on one list at
// most.

#include "thrash/model/page_list.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

enum class AdaptiveList : std::uint8_t { none, t1, t2, b1, b2 };

class AdaptiveLists {
 public:
  using enum AdaptiveList;

  AdaptiveLists(std::size_t pages, std::size_t frames)
      : links_(pages), where_(pages), frames_(frames) {}

  [[nodiscard]] AdaptiveList where(PageNumber page) const { return where_[page]; }
  [[nodiscard]] std::size_t size(AdaptiveList list) const { return at(list).size(); }
  [[nodiscard]] double target() const { return target_; }
  [[nodiscard]] std::size_t frames() const { return frames_; }
  // The one that would go first. The list must not be empty.
  [[nodiscard]] PageNumber oldest(AdaptiveList list) const {
    BRIM_ASSERT(!at(list).empty());
    return at(list).last();
  }

  // Makes it the newest of `list`, from wherever it was.
  void put(PageNumber page, AdaptiveList list) {
    if (where_[page] != none) at(where_[page]).remove(links_, page);
    at(list).push_front(links_, page);
    where_[page] = list;
  }
  void forget(PageNumber page) {
    at(where_[page]).remove(links_, page);
    where_[page] = none;
  }

  // A page was found in B1.
  void raise_target() {
    const double step = std::max(1.0, ratio(b2, b1));
    target_ = std::min(target_ + step, static_cast<double>(frames_));
  }
  // A page was found in B2.
  void lower_target() {
    const double step = std::max(1.0, ratio(b1, b2));
    target_ = std::max(target_ - step, 0.0);
  }

  // A page on none of the lists is going to T1: a ghost is forgotten where there are too many.
  void make_room() {
    if (size(t1) + size(b1) == frames_) {
      if (size(b1) > 0) forget(oldest(b1));
    } else if (size(t1) + size(t2) + size(b1) + size(b2) == 2 * frames_) {
      forget(oldest(b2));
    }
  }

  void prefetch(PageNumber page) const {
    __builtin_prefetch(&where_[page], 1);
    PageList::prefetch(links_, page);
  }

 private:
  [[nodiscard]] PageList& at(AdaptiveList list) { return lists_[static_cast<std::size_t>(list)]; }
  [[nodiscard]] const PageList& at(AdaptiveList list) const {
    return lists_[static_cast<std::size_t>(list)];
  }
  [[nodiscard]] double ratio(AdaptiveList a, AdaptiveList b) const {
    return static_cast<double>(size(a)) / static_cast<double>(size(b));
  }

  PageLinks links_;
  std::vector<AdaptiveList> where_;  // by page
  std::array<PageList, 5> lists_{};  // by AdaptiveList; the newest first
  std::size_t frames_;               // c
  double target_ = 0;                // p
};

}  // namespace brim::thrash::model
