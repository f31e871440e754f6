// SPDX-License-Identifier: Apache-2.0
#include "share/measure/address_parts.h"

#include "base/units.h"

#include <algorithm>

namespace brim::share {
namespace {

std::uint64_t block_of(std::uint64_t page) { return page / kPagesPerHuge; }

}  // namespace

std::vector<Part> cut_into_parts(std::span<const PageRange> ranges) {
  std::vector<Part> parts;
  std::uint64_t limit = 0;  // where the last part must end at the latest, 2 MiB aligned
  for (const PageRange& range : ranges) {
    for (std::uint64_t page = range.first; page < range.end;) {
      const std::uint64_t end_of_last =
          parts.empty() ? 0 : parts.back().first_page + parts.back().count;
      const bool touches =
          !parts.empty() && (page == end_of_last || block_of(page) == block_of(end_of_last - 1));
      if (!touches || page >= limit) {
        parts.push_back({.first_page = page, .count = 0});
        limit = block_of(page) * kPagesPerHuge + kPartPages;
      }
      const std::uint64_t end = std::min(range.end, limit);
      parts.back().count = end - parts.back().first_page;
      page = end;
    }
  }
  return parts;
}

}  // namespace brim::share
