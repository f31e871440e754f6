// SPDX-License-Identifier: Apache-2.0
#include "share/measure/similarity.h"

#include "base/result.h"

#include <algorithm>
#include <cstring>

#include <sys/mman.h>

namespace brim::share {
namespace {

__extension__ using Wide = unsigned __int128;

constexpr unsigned kPageBits = 36;
constexpr unsigned kSubjectBits = 12;
constexpr unsigned kLocationBits = kPageBits + kSubjectBits;
constexpr std::size_t kFewestSlots = 1024;

// Both halves of the 128-bit product, folded.
std::uint64_t fold_multiply(std::uint64_t a, std::uint64_t b) {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

}  // namespace

BlockHasher::BlockHasher(Rng rng) {
  constexpr std::uint64_t kBlocksAPage = kPageSize / kSimilarityBlockBytes;
  const std::uint64_t first = rng.below(kBlocksAPage);
  const std::uint64_t second = (first + 1 + rng.below(kBlocksAPage - 1)) % kBlocksAPage;
  offsets_ = {first * kSimilarityBlockBytes, second * kSimilarityBlockBytes};
  for (std::uint64_t& word : salt_) word = rng.next();
}

std::array<std::uint64_t, kSimilarityBlocks> BlockHasher::hash(
    std::span<const std::byte, kPageSize> page) const {
  std::array<std::uint64_t, kSimilarityBlocks> hashes{};
  for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
    std::array<std::uint64_t, kSimilarityBlockBytes / 8> words;
    std::memcpy(words.data(), page.data() + offsets_[block], kSimilarityBlockBytes);
    std::uint64_t sum = block;
    for (std::size_t i = 0; i < words.size(); i += 2) {
      sum += fold_multiply(words[i] ^ salt_[i], words[i + 1] ^ salt_[i + 1]);
    }
    hashes[block] = mix_bits(sum);
  }
  return hashes;
}

bool BlockHasher::same_block(unsigned block, std::span<const std::byte, kPageSize> a,
                             std::span<const std::byte, kPageSize> b) const {
  return std::memcmp(a.data() + offsets_[block], b.data() + offsets_[block],
                     kSimilarityBlockBytes) == 0;
}

ReferenceTable::ReferenceTable(std::uint64_t contents) {
  // No machine has 2^40 pages; an absurd guess must not overflow below.
  slots_a_block_ = std::clamp<std::uint64_t>(contents, kFewestSlots, 1ULL << 40);
  for (;; slots_a_block_ /= 2) {
    BRIM_ASSERT(slots_a_block_ >= kFewestSlots / 2);
    mapped_bytes_ = slots_a_block_ * kSimilarityBlocks * sizeof(std::uint64_t);
    void* const memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) continue;
    // Slots are hit at random: huge pages spare a TLB miss each. Advice only.
    (void)::madvise(memory, mapped_bytes_, MADV_HUGEPAGE);
    // The kernel's zero-filled memory holds atomics of value zero.
    slots_ = static_cast<std::atomic<std::uint64_t>*>(memory);
    return;
  }
}

ReferenceTable::~ReferenceTable() { ::munmap(slots_, mapped_bytes_); }

std::size_t ReferenceTable::slot(unsigned block, std::uint64_t hash) const {
  const auto within = static_cast<std::size_t>((static_cast<Wide>(hash) * slots_a_block_) >> 64);
  return block * slots_a_block_ + within;
}

void ReferenceTable::offer(std::size_t slot, std::uint16_t priority, PageLocation location) {
  if (location.subject >> kSubjectBits != 0 || location.page >> kPageBits != 0) return;
  const std::uint64_t rank = std::max<std::uint64_t>(priority, 1);  // zero is for empty slots
  const std::uint64_t entry =
      rank << kLocationBits | std::uint64_t{location.subject} << kPageBits | location.page;
  std::uint64_t seen = slots_[slot].load(std::memory_order_relaxed);
  while (seen < entry &&
         !slots_[slot].compare_exchange_weak(seen, entry, std::memory_order_relaxed)) {
  }
}

std::optional<PageLocation> ReferenceTable::find(std::size_t slot) const {
  const std::uint64_t entry = slots_[slot].load(std::memory_order_relaxed);
  if (entry == 0) return std::nullopt;
  return PageLocation{
      .subject = static_cast<std::uint32_t>(entry >> kPageBits & ((1ULL << kSubjectBits) - 1)),
      .page = entry & ((1ULL << kPageBits) - 1)};
}

}  // namespace brim::share
