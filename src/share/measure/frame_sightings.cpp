// SPDX-License-Identifier: Apache-2.0
#include "share/measure/frame_sightings.h"

namespace brim::share {

FrameSightings::FrameSightings() : chunks_(kEnd >> kChunkShift) {}

FrameSightings::~FrameSightings() {
  for (const std::atomic<Chunk*>& chunk : chunks_)
    std::unique_ptr<Chunk>(chunk.load(std::memory_order_acquire)).reset();
}

FrameSightings::Chunk& FrameSightings::chunk(std::size_t number) {
  Chunk* found = chunks_[number].load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  auto made = std::make_unique<Chunk>();
  if (chunks_[number].compare_exchange_strong(found, made.get(), std::memory_order_acq_rel))
    return *made.release();
  return *found;  // another thread was first
}

bool FrameSightings::first_sight(std::uint64_t frame) {
  if (frame == 0 || frame >= kEnd) return true;
  std::atomic<std::uint64_t>& word =
      chunk(frame >> kChunkShift).words[(frame & ((1ULL << kChunkShift) - 1)) / 64];
  const std::uint64_t bit = 1ULL << (frame % 64);
  if ((word.load(std::memory_order_relaxed) & bit) != 0) return false;  // bits are never taken back
  return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
}

std::uint64_t FrameSightings::memory_bytes() const {
  std::uint64_t bytes = chunks_.size() * sizeof(chunks_[0]);
  for (const std::atomic<Chunk*>& chunk : chunks_)
    if (chunk.load(std::memory_order_relaxed) != nullptr) bytes += sizeof(Chunk);
  return bytes;
}

}  // namespace brim::share
