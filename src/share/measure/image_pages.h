// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the bytes of memory images are like, for a simulation over them: by which blocks pages are
// found similar (HashSimilarityDetector(2,1): similarity.h), and what they take compressed by lz4,
// or as a patch by zstd against another page (page_codec.h). Pages are named by the numbers of
// their contents (image_contents.h).
//
// Blocks are hashed when the images are read. Sizes are told by reading pages again, when first
// asked for, and remembered. A page that can't be read again or holds something else by then saves
// nothing, and check() fails from then on.
//
// Pages of zeros, and contents that no image has, resemble nothing and don't compress.
//
// Memory: a distinct content takes 45 to 65 bytes (26, and an entry of a hash table), a patch that
// was asked for 20 to 40. The images stay open.

#include "base/result.h"
#include "base/rng.h"
#include "share/measure/page_hash.h"
#include "share/measure/similarity.h"
#include "share/measure/subject.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share {

// 0 is left for pages of zeros.
[[nodiscard]] std::uint64_t content_number(const PageHash& hash);

using BlockHashes = std::array<std::uint64_t, kSimilarityBlocks>;

// Where the first page of each content lies, and the hashes of its blocks. Filled by one thread.
class DistinctPages {
 public:
  struct Known {
    BlockHashes blocks{};
    std::uint64_t page : 44 = 0;
    std::uint64_t image : 20 = 0;
  };

  // Draws the places of the blocks.
  explicit DistinctPages(const Rng& rng) : hasher_(rng.split("blocks of images")) {}

  void add(std::uint64_t number, std::uint32_t image, std::uint64_t page,
           std::span<const std::byte, kPageSize> bytes);
  // No more are added.
  void finish() { pages_.shrink_to_fit(); }

  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t number) const;
  [[nodiscard]] const Known& operator[](std::uint32_t place) const { return pages_[place]; }
  [[nodiscard]] std::size_t size() const { return pages_.size(); }

 private:
  BlockHasher hasher_;
  boost::unordered_flat_map<std::uint64_t, std::uint32_t> places_;
  std::vector<Known> pages_;
};

// Any number of threads.
class ImagePages {
 public:
  ImagePages(DistinctPages pages, std::vector<std::unique_ptr<Subject>> images);
  ~ImagePages();
  ImagePages(const ImagePages&) = delete;
  ImagePages& operator=(const ImagePages&) = delete;

  // Zeros of a content that is in no image.
  [[nodiscard]] BlockHashes blocks(std::uint64_t number) const;
  // In bytes; kPageSize where nothing is saved.
  [[nodiscard]] std::uint32_t compressed_size(std::uint64_t number) const;
  [[nodiscard]] std::uint32_t patch_size(std::uint64_t number, std::uint64_t reference) const;
  // The first page that was not as it had been: `gone`, or as reading the file fails.
  [[nodiscard]] Result<void> check() const;

 private:
  using PageBuffer = std::array<std::byte, kPageSize>;
  struct Bench;
  class Borrowed;

  [[nodiscard]] Result<void> read(Bench& bench, std::uint32_t place, std::uint64_t number,
                                  PageBuffer& out) const;
  [[nodiscard]] Result<std::uint32_t> measure_compressed(std::uint32_t place,
                                                         std::uint64_t number) const;
  [[nodiscard]] Result<std::uint32_t> measure_patch(std::uint32_t place, std::uint64_t number,
                                                    std::uint32_t reference_place,
                                                    std::uint64_t reference) const;
  // Where there is none, remembers why.
  [[nodiscard]] std::uint32_t size_or_page(const Result<std::uint32_t>& size) const;

  DistinctPages pages_;
  std::vector<std::unique_ptr<Subject>> images_;
  PageHasher hasher_ = PageHasher::stable();
  std::unique_ptr<std::atomic<std::uint16_t>[]> compressed_;  // by place; 0: not asked yet
  mutable std::mutex mutex_;                                  // of what follows
  mutable boost::unordered_flat_map<std::uint64_t, std::uint16_t> patches_;  // by both places
  mutable std::vector<std::unique_ptr<Bench>> benches_;                      // not in use
  mutable std::optional<Error> error_;
};

}  // namespace brim::share
