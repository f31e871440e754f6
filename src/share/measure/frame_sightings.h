// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which host frames a scan has already seen: one bit a frame, in chunks made when first needed (a
// host of 256 GiB needs 8 MiB). Thread-safe.

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

  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  static constexpr unsigned kChunkShift = 22;  // frames: 16 GiB of memory, 512 KiB of bits
  static constexpr std::size_t kWords = (1ULL << kChunkShift) / 64;
  static constexpr std::uint64_t kEnd = 1ULL << 40;
  struct Chunk {
    std::array<std::atomic<std::uint64_t>, kWords> words{};
  };
  Chunk& chunk(std::size_t number);

  std::vector<std::atomic<Chunk*>> chunks_;  // 2 MiB
};

}  // namespace brim::share
