// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which host frames a scan has already seen: one bit a frame, in chunks made when first needed, of
// which only the pages touched take memory (a host of 256 GiB needs 8 MiB). Thread-safe.

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace brim::share {

class FrameSightings {
 public:
  FrameSightings();
  ~FrameSightings();
  FrameSightings(const FrameSightings&) = delete;
  FrameSightings& operator=(const FrameSightings&) = delete;

  // True the first time a frame is given. Frame 0 is "unknown": always true, as are frames no
  // x86-64 machine has (physical addresses are 52 bits, frames 40).
  bool first_sight(std::uint64_t frame);
  // Of a frame that will be given soon.
  void prefetch(std::uint64_t frame) const;

  // At most: a chunk counts as if all of it were touched.
  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  static constexpr unsigned kChunkShift = 24;  // frames: 64 GiB of memory, 2 MiB of bits
  static constexpr std::size_t kWords = (1ULL << kChunkShift) / 64;
  static constexpr std::uint64_t kEnd = 1ULL << 40;
  using Word = std::atomic<std::uint64_t>;
  Word* chunk(std::size_t number);

  std::vector<std::atomic<Word*>> chunks_;  // 512 KiB
};

}  // namespace brim::share
