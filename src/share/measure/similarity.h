// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finding pages that are similar but not equal: HashSimilarityDetector(2,1) of Gupta et al. 2008,
// section 4.2. Two 64-byte blocks at places drawn once are hashed in every page; pages that agree
// in one of the two blocks are candidates; one candidate is kept for each block hash.
//
// ReferenceTable keeps that candidate in 8 bytes: 8 bits of priority, 8 of the block's hash, and
// where the page is. Eight slots of one cache line are shared by all hashes that fall on them; of a
// hash the highest priority stays, of more than eight hashes the eight highest, whatever the order
// of offers or the number of threads. The caller must look at the candidate's bytes: 8 bits of two
// hashes may agree.
// LIMIT: it forgets a little. With as many contents as it was sized for, all of them unlike any
// other, a block shared by two pages is lost in 0.8 % of the cases; pages that share both blocks
// must lose both. LIMIT: pages at or above 2^36 (2^48 bytes) and subjects from 4,096 on are never
// references.

#include "base/rng.h"
#include "base/units.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace brim::share {

inline constexpr unsigned kSimilarityBlocks = 2;
inline constexpr std::size_t kSimilarityBlockBytes = 64;

// 64 bits to 64 bits, every input bit reaching every output bit (splitmix64's finalizer).
[[nodiscard]] constexpr std::uint64_t mix_bits(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ULL;
  value = (value ^ (value >> 27)) * 0x94d049bb133111ebULL;
  return value ^ (value >> 31);
}

// The two places and the hash of a block there. The places are different multiples of 64 bytes.
class BlockHasher {
 public:
  explicit BlockHasher(Rng rng);

  [[nodiscard]] std::array<std::uint64_t, kSimilarityBlocks> hash(
      std::span<const std::byte, kPageSize> page) const;
  [[nodiscard]] bool same_block(unsigned block, std::span<const std::byte, kPageSize> a,
                                std::span<const std::byte, kPageSize> b) const;
  [[nodiscard]] std::size_t offset(unsigned block) const { return offsets_[block]; }

 private:
  std::array<std::size_t, kSimilarityBlocks> offsets_{};
  std::array<std::uint64_t, kSimilarityBlockBytes / 8> salt_{};
};

struct PageLocation {
  std::uint32_t subject = 0;
  std::uint64_t page = 0;
  bool operator==(const PageLocation&) const = default;
};

class ReferenceTable {
 public:
  // Where a block's hash is kept.
  struct Place {
    std::size_t bucket = 0;
    std::uint8_t tag = 0;
  };

  // 32 bytes a content: two slots a block. Where that much memory is refused, half of it, and so
  // on.
  explicit ReferenceTable(std::uint64_t contents);
  ~ReferenceTable();
  ReferenceTable(const ReferenceTable&) = delete;
  ReferenceTable& operator=(const ReferenceTable&) = delete;

  [[nodiscard]] Place place(unsigned block, std::uint64_t hash) const;
  void prefetch(Place place) const { __builtin_prefetch(&buckets_[place.bucket], 1); }
  // Any thread. Locations that don't fit are left out.
  void offer(Place place, std::uint8_t priority, PageLocation location);
  // Any thread.
  [[nodiscard]] std::optional<PageLocation> find(Place place) const;

  [[nodiscard]] std::uint64_t memory_bytes() const { return mapped_bytes_; }

 private:
  static constexpr std::size_t kLocks = 4096;
  using Bucket = std::array<std::uint64_t, 8>;  // a cache line; zero: empty
  class Guard;

  Bucket* buckets_ = nullptr;
  std::size_t buckets_a_block_ = 0;
  std::size_t mapped_bytes_ = 0;
  mutable std::array<std::atomic_flag, kLocks> locks_;  // of the buckets with this remainder
};

}  // namespace brim::share
