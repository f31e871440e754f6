// SPDX-License-Identifier: Apache-2.0
#include "share/measure/frame_sightings.h"

#include <cstdlib>
#include <new>

namespace brim::share {

FrameSightings::FrameSightings() : chunks_(kEnd >> kChunkShift) {}

FrameSightings::~FrameSightings() {
  for (const std::atomic<Word*>& chunk : chunks_) std::free(chunk.load(std::memory_order_acquire));
}

// From calloc(), which gives a chunk's worth of zeros without touching them; an atomic of value
// zero is zeros.
FrameSightings::Word* FrameSightings::chunk(std::size_t number) {
  Word* found = chunks_[number].load(std::memory_order_acquire);
  if (found != nullptr) return found;
  auto* made = static_cast<Word*>(std::calloc(kWords, sizeof(Word)));
  if (made == nullptr) throw std::bad_alloc();
  if (chunks_[number].compare_exchange_strong(found, made, std::memory_order_acq_rel)) return made;
  std::free(made);  // another thread was first
  return found;
}

void FrameSightings::prefetch(std::uint64_t frame) const {
  if (frame >= kEnd) return;
  const Word* const words = chunks_[frame >> kChunkShift].load(std::memory_order_acquire);
  if (words != nullptr) __builtin_prefetch(words + (frame & ((1ULL << kChunkShift) - 1)) / 64, 1);
}

bool FrameSightings::first_sight(std::uint64_t frame) {
  if (frame == 0 || frame >= kEnd) return true;
  Word& word = chunk(frame >> kChunkShift)[(frame & ((1ULL << kChunkShift) - 1)) / 64];
  const std::uint64_t bit = 1ULL << (frame % 64);
  if ((word.load(std::memory_order_relaxed) & bit) != 0) return false;  // bits are never taken back
  return (word.fetch_or(bit, std::memory_order_relaxed) & bit) == 0;
}

std::uint64_t FrameSightings::memory_bytes() const {
  std::uint64_t bytes = chunks_.size() * sizeof(chunks_[0]);
  for (const std::atomic<Word*>& chunk : chunks_)
    if (chunk.load(std::memory_order_relaxed) != nullptr) bytes += kWords * sizeof(Word);
  return bytes;
}

}  // namespace brim::share
