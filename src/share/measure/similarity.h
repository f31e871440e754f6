// SPDX-License-Identifier: Apache-2.0
#pragma once
// Finding pages that are similar but not equal: HashSimilarityDetector(2,1) of Gupta et al. 2008,
// section 4.2. Two 64-byte blocks at places drawn once are hashed in every page; pages that agree
// in one of the two blocks are candidates; one candidate is kept for each block hash.
//
// ReferenceTable keeps that candidate in 8 bytes: 16 bits of priority and where the page is. A slot
// is shared by all hashes that fall on it, and the highest priority stays, whatever the order of
// offers or the number of threads. The caller must look at the candidate's bytes: a slot may hold
// the page of another hash.
// LIMIT: it forgets. With as many contents as it was sized for, all of them unlike any other, a
// block shared by two pages is lost with a probability of 0.26 (1 - E[2/(k+2)], k Poisson of mean
// 1), one shared by eight of 0.10; pages that share both blocks must lose both. LIMIT: pages at or
// above 2^36 (2^48 bytes) and subjects from 4,096 on are never references.

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
  // 16 bytes a content: one slot a block. Where that much memory is refused, half of it, and so on.
  explicit ReferenceTable(std::uint64_t contents);
  ~ReferenceTable();
  ReferenceTable(const ReferenceTable&) = delete;
  ReferenceTable& operator=(const ReferenceTable&) = delete;

  // Where a hash of a block is kept; for prefetching.
  [[nodiscard]] std::size_t slot(unsigned block, std::uint64_t hash) const;
  void prefetch(std::size_t slot) const { __builtin_prefetch(&slots_[slot], 1); }
  // Any thread. Locations that don't fit are left out.
  void offer(std::size_t slot, std::uint16_t priority, PageLocation location);
  [[nodiscard]] std::optional<PageLocation> find(std::size_t slot) const;

  [[nodiscard]] std::uint64_t memory_bytes() const { return mapped_bytes_; }

 private:
  std::atomic<std::uint64_t>* slots_ = nullptr;  // zero: empty
  std::size_t slots_a_block_ = 0;
  std::size_t mapped_bytes_ = 0;
};

}  // namespace brim::share
