// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which cluster of a swap device's slots is next to be filled as Linux 6.18 has it
// (cluster_alloc_swap_entry() and relocate_cluster() of mm/swapfile.c, from memory): the one that
// first lost a slot of those that lost one since they were last filled, else one that is free, else
// any with a free slot. So clusters in use are filled up before another is begun, and pages lie
// close together however large the device is. (Before 6.18 a free one was taken first.)
//
// LIMIT: one cluster is filled at a time, as where the device rotates; a processor has one of its
// own elsewhere. No large pages.

#include "base/result.h"
#include "thrash/model/page_list.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

class SwapClusters {
 public:
  using Cluster = PageNumber;  // for PageList

  // `slots` of which each cluster has `size`, the last one what is left.
  SwapClusters(std::size_t slots, std::size_t size)
      : slots_(slots),
        size_(size),
        links_((slots + size - 1) / size),
        clusters_((slots + size - 1) / size) {
    for (Cluster cluster = 0; cluster < clusters_.size(); ++cluster)
      list(State::free).push_back(links_, cluster);
  }

  // There must be one with a free slot.
  [[nodiscard]] Cluster next() const {
    for (const State state : {State::lost_one, State::free, State::begun})
      if (!list(state).empty()) return list(state).first();
    BRIM_ASSERT(false && "no slot is free");
    return 0;
  }

  void took(Cluster cluster) {
    ++clusters_[cluster].taken;
    move(cluster, clusters_[cluster].taken == room(cluster) ? State::full : State::begun);
  }
  void gave_back(Cluster cluster) {
    --clusters_[cluster].taken;
    move(cluster, clusters_[cluster].taken == 0 ? State::free : State::lost_one);
  }

 private:
  enum class State : std::uint8_t { free, lost_one, begun, full };
  struct Entry {
    std::uint32_t taken = 0;
    State state = State::free;
  };

  [[nodiscard]] std::size_t room(Cluster cluster) const {
    return std::min(size_, slots_ - cluster * size_);
  }
  [[nodiscard]] PageList& list(State state) { return lists_[static_cast<std::size_t>(state)]; }
  [[nodiscard]] const PageList& list(State state) const {
    return lists_[static_cast<std::size_t>(state)];
  }
  // To the end, where it is not there already.
  void move(Cluster cluster, State to) {
    State& state = clusters_[cluster].state;
    if (state == to) return;
    list(state).remove(links_, cluster);
    list(to).push_back(links_, cluster);
    state = to;
  }

  std::size_t slots_;
  std::size_t size_;
  PageLinks links_;
  std::vector<Entry> clusters_;
  std::array<PageList, 4> lists_;
};

}  // namespace brim::thrash::model
