// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ranges of an address space cut into Parts: at 2 MiB boundaries only, so that no 2 MiB block is
// divided even where several mappings meet in it; at most kPartPages each. Pure.

#include "share/measure/subject.h"

#include <cstdint>
#include <span>
#include <vector>

namespace brim::share {

struct PageRange {
  std::uint64_t first = 0;  // address / 4 KiB
  std::uint64_t end = 0;    // one past the last
  [[nodiscard]] std::uint64_t count() const { return end - first; }
};

// `ranges`: ascending, not overlapping, none empty. A part may hold gaps between ranges that share
// a 2 MiB block.
[[nodiscard]] std::vector<Part> cut_into_parts(std::span<const PageRange> ranges);

}  // namespace brim::share
