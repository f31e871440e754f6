// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the pages of memory images hold, as numbers: equal where the bytes are, 0 for a page of
// zeros. What a simulation over real contents needs, at 8 bytes a page.
//
// The number is 64 bits of the page's 128-bit hash, not keyed: the same in every run and on every
// machine. LIMIT: two of 2^24 different pages (64 GiB) get one number with a chance of 2^-17.

#include "base/cancel.h"
#include "base/result.h"
#include "base/units.h"
#include "share/measure/image_pages.h"

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace brim::share {

struct ImageContents {
  std::string name;                  // as a scan names it
  std::vector<std::uint64_t> pages;  // those that the file holds, in order of guest frames
  Pages unread;                      // named by the file but not in it
};

// Errors: as a scan of the images has them; damage of a file, too.
[[nodiscard]] Result<std::vector<ImageContents>> read_image_contents(
    std::span<const std::string> paths, const Cancel& cancel = kNeverCancelled);

// And what their bytes are like, by blocks whose places the Rng draws. `cancel` must outlive the
// pages.
struct ImageReading {
  std::vector<ImageContents> contents;
  std::shared_ptr<const ImagePages> pages;
};
[[nodiscard]] Result<ImageReading> read_image_pages(std::span<const std::string> paths,
                                                    const Rng& rng,
                                                    const Cancel& cancel = kNeverCancelled);

}  // namespace brim::share
