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
constexpr unsigned kTagShift = kPageBits + kSubjectBits;
constexpr unsigned kPriorityShift = kTagShift + 8;
constexpr std::uint64_t kFewestBuckets = 256;
constexpr std::uint64_t kContentsABucket = 4;  // of the eight that it has room for

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

class ReferenceTable::Guard {
 public:
  explicit Guard(std::atomic_flag& lock) : lock_(lock) {
    while (lock_.test_and_set(std::memory_order_acquire)) __builtin_ia32_pause();
  }
  ~Guard() { lock_.clear(std::memory_order_release); }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  std::atomic_flag& lock_;
};

ReferenceTable::ReferenceTable(std::uint64_t contents) {
  // No machine has 2^40 pages; an absurd guess must not overflow below.
  buckets_a_block_ =
      std::clamp<std::uint64_t>(contents / kContentsABucket, kFewestBuckets, 1ULL << 38);
  for (;; buckets_a_block_ /= 2) {
    BRIM_ASSERT(buckets_a_block_ >= kFewestBuckets / 2);
    mapped_bytes_ = buckets_a_block_ * kSimilarityBlocks * sizeof(Bucket);
    void* const memory = ::mmap(nullptr, mapped_bytes_, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) continue;
    // Buckets are hit at random: huge pages spare a TLB miss each. Advice only.
    (void)::madvise(memory, mapped_bytes_, MADV_HUGEPAGE);
    buckets_ = static_cast<Bucket*>(memory);
    return;
  }
}

ReferenceTable::~ReferenceTable() { ::munmap(buckets_, mapped_bytes_); }

ReferenceTable::Place ReferenceTable::place(unsigned block, std::uint64_t hash) const {
  const auto within = static_cast<std::size_t>((static_cast<Wide>(hash) * buckets_a_block_) >> 64);
  // The bucket is told by the high bits, the tag by the low ones.
  return {.bucket = block * buckets_a_block_ + within, .tag = static_cast<std::uint8_t>(hash)};
}

void ReferenceTable::offer(Place place, std::uint8_t priority, PageLocation location) {
  if (location.subject >> kSubjectBits != 0 || location.page >> kPageBits != 0) return;
  const std::uint64_t rank = std::max<std::uint64_t>(priority, 1);  // zero is for empty slots
  const std::uint64_t entry = rank << kPriorityShift | std::uint64_t{place.tag} << kTagShift |
                              std::uint64_t{location.subject} << kPageBits | location.page;
  const Guard guard(locks_[place.bucket % kLocks]);
  std::uint64_t* lowest = nullptr;
  for (std::uint64_t& slot : buckets_[place.bucket]) {
    if (slot != 0 && static_cast<std::uint8_t>(slot >> kTagShift) == place.tag) {
      slot = std::max(slot, entry);
      return;
    }
    if (lowest == nullptr || slot < *lowest) lowest = &slot;
  }
  *lowest = std::max(*lowest, entry);
}

std::optional<PageLocation> ReferenceTable::find(Place place) const {
  const Guard guard(locks_[place.bucket % kLocks]);
  for (const std::uint64_t slot : buckets_[place.bucket]) {
    if (slot == 0 || static_cast<std::uint8_t>(slot >> kTagShift) != place.tag) continue;
    return PageLocation{
        .subject = static_cast<std::uint32_t>(slot >> kPageBits & ((1ULL << kSubjectBits) - 1)),
        .page = slot & ((1ULL << kPageBits) - 1)};
  }
  return std::nullopt;
}

}  // namespace brim::share
