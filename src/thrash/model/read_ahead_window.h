// SPDX-License-Identifier: Apache-2.0
#pragma once
// How many pages Linux reads where one is missing: by how many of those that came along before were
// used since (mm/swap_state.c, __swapin_nr_pages(), since 3.14): two more, made a power of two from
// 4 upwards; without any, 2 where the missing page is beside the last one that was, else it alone;
// and never less than half of what was read last. It begins as if four had been used.
//
// LIMIT: the last missing page is always noted; for neighbours on the device the kernel does so
// only where none was used.

#include <algorithm>
#include <bit>
#include <cstdint>

namespace brim::thrash::model {

class ReadAheadWindow {
 public:
  // A page that came along is used.
  void used() { ++used_; }

  // Pages to be read, the missing one at `place` with them; at most `most`, which is not 0.
  [[nodiscard]] std::uint32_t next(std::uint64_t place, std::uint32_t most) {
    const bool beside = place + 1 == place_ || place == place_ + 1;
    std::uint32_t pages = beside ? 2 : 1;
    if (used_ > 0) pages = std::max(4U, std::bit_ceil(std::min(used_, most) + 2));
    last_ = std::max(std::min(pages, most), last_ / 2);
    used_ = 0;
    place_ = place;
    return last_;
  }

  // Of the page that was missing last.
  [[nodiscard]] std::uint64_t last_place() const { return place_; }

 private:
  std::uint64_t place_ = 0;
  std::uint32_t used_ = 4;
  std::uint32_t last_ = 0;
};

}  // namespace brim::thrash::model
