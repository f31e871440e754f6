// SPDX-License-Identifier: Apache-2.0
#pragma once
// 2 MiB pages put together from the hashes of their 512 pages. Only aligned blocks of which all
// pages were read count; the last block of an image is padded with zero pages.

#include "share/measure/page_hash.h"
#include "share/measure/page_index.h"

#include <array>
#include <cstdint>

namespace brim::share {

struct HugeTally {
  std::uint64_t pages = 0;  // of 2 MiB, zero ones included
  std::uint64_t zero_pages = 0;
  std::uint64_t incomplete = 0;  // blocks of which only some pages were read
  std::uint64_t padded = 0;
  // 4 KiB pages, not zero, of blocks whose content was there before: what merging 2 MiB pages
  // saves.
  std::uint64_t saved_small_pages = 0;

  HugeTally& operator+=(const HugeTally& other) {
    pages += other.pages;
    zero_pages += other.zero_pages;
    incomplete += other.incomplete;
    padded += other.padded;
    saved_small_pages += other.saved_small_pages;
    return *this;
  }
};

// One thread's block. Pages of a part come ascending; parts begin and end at block boundaries of
// their subject, or where the subject has no pages around.
class HugeBlocks {
 public:
  HugeBlocks(const PageHasher& hasher, PageIndex& index) : hasher_(hasher), index_(index) {}

  void take(std::uint32_t subject, std::uint64_t page, const PageHash& hash, bool zero,
            HugeTally& tally) {
    if (page / kPagesPerHuge != block_ || count_ == 0) {
      close(subject, tally);
      block_ = page / kPagesPerHuge;
    }
    hashes_[count_++] = hash;
    last_page_ = page;
    zeros_ += zero ? 1 : 0;
  }
  // The end of a part. `image_end`: one past the last page of an image, or 0.
  void finish(std::uint32_t subject, std::uint64_t image_end, HugeTally& tally);

 private:
  void close(std::uint32_t subject, HugeTally& tally);

  const PageHasher& hasher_;
  PageIndex& index_;
  std::uint64_t block_ = 0;
  std::uint64_t last_page_ = 0;
  std::uint64_t count_ = 0;
  std::uint64_t zeros_ = 0;
  std::array<PageHash, kPagesPerHuge> hashes_{};
};

}  // namespace brim::share
