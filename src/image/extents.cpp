// SPDX-License-Identifier: Apache-2.0
#include "image/extents.h"

#include <algorithm>

namespace brim::image {

void append_pages(std::vector<Extent>& extents, std::uint64_t first, std::uint64_t count) {
  if (count == 0) return;
  if (!extents.empty()) {
    Extent& last = extents.back();
    if (last.first.number() + last.count.count() == first) {
      last.count += Pages(count);
      return;
    }
  }
  extents.push_back({GuestFrame(first), Pages(count)});
}

bool holds(std::span<const Extent> extents, GuestFrame first, Pages count) {
  const auto next =
      std::upper_bound(extents.begin(), extents.end(), first,
                       [](GuestFrame frame, const Extent& extent) { return frame < extent.first; });
  if (next == extents.begin()) return false;
  const Extent& extent = *(next - 1);
  const std::uint64_t skipped = first - extent.first;
  return skipped < extent.count.count() && count.count() <= extent.count.count() - skipped;
}

void append_whole_pages(std::vector<Extent>& extents, ByteRange range) {
  const std::uint64_t first = range.begin / kPageSize + (range.begin % kPageSize != 0 ? 1 : 0);
  const std::uint64_t end = range.end / kPageSize;
  if (end > first) append_pages(extents, first, end - first);
}

}  // namespace brim::image
