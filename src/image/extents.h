// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the readers do with extents: find, append, translate ranges of bytes to whole pages.

#include "base/units.h"
#include "image/mapped_file.h"
#include "image/ram_image.h"

#include <cstdint>
#include <span>
#include <vector>

namespace brim::image {

// Beyond this many, known zeros are read like data: knowing them only saves time.
inline constexpr std::size_t kMostZeroExtents = std::size_t{1} << 20;

// Adds pages behind the last extent, or to it where they touch. `first` is not before its end.
void append_pages(std::vector<Extent>& extents, std::uint64_t first, std::uint64_t count);

// Whether all of the pages lie in one extent.
[[nodiscard]] bool holds(std::span<const Extent> extents, GuestFrame first, Pages count);

// Adds the pages that lie wholly inside a range of guest-physical bytes.
void append_whole_pages(std::vector<Extent>& extents, ByteRange range);

}  // namespace brim::image
