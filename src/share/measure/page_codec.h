// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sizes that a 4 KiB page takes when compressed alone or as a patch against another page. The only
// place where lz4 and zstd are included. Nothing is kept: the question is how small, not the bytes.
//
// lz4: its block format, default acceleration. zstd: level 3, magicless frame without checksum,
// content size or dictionary id. Patch: the same with the reference page as raw prefix
// (ZSTD_CCtx_refPrefix), decoded with that page as prefix again. Sizes in bytes; a page that does
// not shrink is kPageSize.
//
// Threads: one codec a thread.

#include "base/units.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace brim::share {

// The 50 % rule of Difference Engine, for patches and for compressed pages.
inline constexpr std::uint32_t kHalfPage = kPageSize / 2;

// What a page saves, in pages, when stored in `size` bytes: nothing above half a page.
[[nodiscard]] constexpr double saved_by_half_rule(std::uint32_t size) {
  return size <= kHalfPage ? 1.0 - static_cast<double>(size) / static_cast<double>(kPageSize) : 0.0;
}

class PageCodec {
 public:
  using Page = std::span<const std::byte, kPageSize>;

  PageCodec();
  ~PageCodec();
  PageCodec(PageCodec&&) noexcept;
  PageCodec& operator=(PageCodec&&) noexcept;

  [[nodiscard]] std::uint32_t lz4_size(Page page);
  [[nodiscard]] std::uint32_t zstd_size(Page page);
  [[nodiscard]] std::uint32_t patch_size(Page page, Page reference);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace brim::share
