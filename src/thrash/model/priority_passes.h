// SPDX-License-Identifier: Apache-2.0
#pragma once
// The passes of Linux 2.6.22 for a process that needs memory, and for kswapd (try_to_free_pages(),
// balance_pgdat(), shrink_zone() and shrink_active_list() of mm/vmscan.c, from memory).
//
// A round makes up to 13 passes, of priority 12 to 0. Each looks at a share of both lists, their
// size >> priority and one more; what is less than 32 pages is put off. The round is done once 32
// pages are free, and not just on their way: what was sent to the device counts when reclaim comes
// by it once more. After the fourth pass and each later one whoever makes it naps for 100 ms
// (congestion_wait()), after all 13 for 20 (__alloc_pages() of mm/page_alloc.c).
//
// Pages of processes leave the active list only while
//   mapped pages in percent of memory / 2 + distress + swappiness (60) >= 100,
// with distress 100 >> the lowest priority of this round and the one before. Until then they stay
// on it, referenced or not.
//
// LIMIT: one zone. A nap lasts as long as it can: a queue of the device that becomes shorter ends
// none. Zones that are given up (all_unreclaimable) are not there, and nothing is left to pdflush,
// as there are no file pages. Pages that were read along count as mapped.

#include "base/units.h"
#include "thrash/model/model_time.h"
#include "thrash/model/scan_pass.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace brim::thrash::model {

// How far one process, or kswapd, has come.
struct PriorityRound {
  static constexpr int kFirst = 12;  // DEF_PRIORITY
  int priority = kFirst;
  std::size_t freed = 0;
  bool under_way = false;
  ScanPass pass{};
};

class PriorityPasses {
 public:
  static constexpr std::size_t kEnough = 32;  // SWAP_CLUSTER_MAX, also the least that is looked at
  static constexpr ModelTime kNap = std::chrono::milliseconds(100);
  static constexpr ModelTime kNapAfterAll = std::chrono::milliseconds(20);

  // Of the whole machine.
  explicit PriorityPasses(Pages memory) : memory_(std::max<std::size_t>(1, memory.count())) {}

  [[nodiscard]] static bool naps_after(int priority) {
    return priority < PriorityRound::kFirst - 2;
  }

  [[nodiscard]] ScanPass begin(int priority, const ListSizes& sizes, std::size_t mapped) {
    lowest_ = std::min(lowest_, priority);
    ScanPass pass;
    pass.over = false;
    pass.active = due(put_off_.active, sizes.active, priority);
    pass.inactive = due(put_off_.inactive, sizes.inactive, priority);
    pass.spares_mapped = !takes_mapped(mapped);
    return pass;
  }
  // Of a round whose last pass had this priority.
  void end_round(int priority) { lowest_ = priority; }

 private:
  static constexpr std::size_t kSwappiness = 60;

  [[nodiscard]] bool takes_mapped(std::size_t mapped) const {
    const std::size_t distress = std::size_t{100} >> lowest_;
    return mapped * 100 / memory_ / 2 + distress + kSwappiness >= 100;
  }
  [[nodiscard]] static std::size_t due(std::size_t& put_off, std::size_t size, int priority) {
    put_off += (size >> priority) + 1;
    if (put_off < kEnough) return 0;
    return std::exchange(put_off, 0);
  }

  std::size_t memory_;
  ListSizes put_off_;
  int lowest_ = PriorityRound::kFirst;  // prev_priority
};

}  // namespace brim::thrash::model
