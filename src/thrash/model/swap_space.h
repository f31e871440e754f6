// SPDX-License-Identifier: Apache-2.0
#pragma once
// The slots of a swap device: which are taken, by which page.
//
// Slots are given out in order within a cluster, so that pages that leave together lie together.
// NextCluster::free: of 256, and the next one is free as a whole; where none is, the next free slot
// after the last one is taken (as Linux's scan_swap_map() did, until 6.11, and other systems do).
// NextCluster::used: of 512, as swap_clusters.h has it.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"
#include "base/result.h"
#include "thrash/model/page_table.h"
#include "thrash/model/swap_clusters.h"
#include "thrash/model/swap_device.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash::model {

// Which is filled next.
enum class NextCluster : std::uint8_t { free, used };

class SwapSpace {
 public:
  static constexpr Slot kCluster = 256;
  static constexpr Slot kUsedCluster = 512;

  explicit SwapSpace(Pages slots, NextCluster next = NextCluster::free)
      : owner_(slots.count(), kNoPage), taken_((slots.count() + kCluster - 1) / kCluster, 0) {
    if (next == NextCluster::used) used_first_.emplace(slots.count(), kUsedCluster);
  }

  [[nodiscard]] std::size_t size() const { return owner_.size(); }
  [[nodiscard]] std::size_t used() const { return used_; }
  [[nodiscard]] bool full() const { return used_ == owner_.size(); }
  [[nodiscard]] bool half_full() const { return 2 * used_ > owner_.size(); }
  // kNoPage: the slot is free.
  [[nodiscard]] PageNumber owner(Slot slot) const { return owner_[slot]; }

  // For speed alone.
  void prefetch(Slot slot) const { fetch_ahead(&owner_[slot]); }

  // Must not be full.
  [[nodiscard]] Slot take(PageNumber page) {
    BRIM_ASSERT(!full());
    if (used_first_)
      find_in_used();
    else
      find_after_last();
    const Slot slot = next_++;
    if (slot + kAhead < owner_.size()) prefetch(slot + kAhead);
    owner_[slot] = page;
    ++taken_[slot / kCluster];
    if (used_first_) used_first_->took(slot / kUsedCluster);
    ++used_;
    return slot;
  }
  void give_back(Slot slot) {
    BRIM_ASSERT(owner_[slot] != kNoPage);
    owner_[slot] = kNoPage;
    --taken_[slot / kCluster];
    if (used_first_) used_first_->gave_back(slot / kUsedCluster);
    --used_;
  }
  // It holds nothing from now on: no slot is free.
  void close() {
    owner_.clear();
    taken_.clear();
    used_first_.reset();
    used_ = 0;
  }

 private:
  static constexpr Slot kAhead = 128;  // fetched: where few are free many are looked at

  void find_after_last() {
    if (next_ % kCluster == 0) next_ = free_cluster();
    while (next_ >= owner_.size() || owner_[next_] != kNoPage)
      next_ = next_ + 1 < owner_.size() ? next_ + 1 : 0;
  }
  // To the end of the cluster, then on in the next from its beginning.
  void find_in_used() {
    for (; next_ % kUsedCluster != 0 && next_ < owner_.size(); ++next_)
      if (owner_[next_] == kNoPage) return;
    next_ = static_cast<Slot>(used_first_->next()) * kUsedCluster;
    while (owner_[next_] != kNoPage) ++next_;
  }

  // The first one from here on, and round; where none is, here.
  [[nodiscard]] Slot free_cluster() {
    for (std::size_t i = 0; i < taken_.size(); ++i) {
      const std::size_t cluster = (next_ / kCluster + i) % taken_.size();
      if (taken_[cluster] == 0) return static_cast<Slot>(cluster) * kCluster;
    }
    return next_;
  }

  std::vector<PageNumber, HugePageAllocator<PageNumber>> owner_;  // by slot
  std::vector<std::uint32_t> taken_;                              // slots, by cluster
  std::optional<SwapClusters> used_first_;
  std::size_t used_ = 0;
  Slot next_ = 0;
};

}  // namespace brim::thrash::model
