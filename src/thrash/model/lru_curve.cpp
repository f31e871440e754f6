// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/lru_curve.h"

#include "base/result.h"
#include "thrash/model/replay.h"
#include "thrash/model/stack_distances.h"

#include <algorithm>
#include <bit>
#include <cstddef>

namespace brim::thrash::model {
namespace {

// A line of slots in blocks, some of them marked. Marks are only set in the last block in use, the
// open one: it is counted apart, so that only removing a mark walks the tree.
class MarkedSlots {
 public:
  static constexpr std::size_t kBlock = 512;

  explicit MarkedSlots(std::size_t blocks)
      : leaves_(std::bit_ceil(blocks)), words_(blocks * kWords), counts_(2 * leaves_) {}

  [[nodiscard]] std::size_t size() const { return words_.size() * kWordBits; }

  // Slots are marked one after another.
  void mark(std::size_t slot) {
    if (slot / kBlock != open_) close(slot / kBlock);
    words_[slot / kWordBits] |= bit(slot);
    ++open_marks_;
  }

  // Takes the mark of a slot away; returns how many there are behind it.
  std::size_t remove(std::size_t slot) {
    words_[slot / kWordBits] &= ~bit(slot);
    const std::size_t block = slot / kBlock;
    std::size_t behind = marks_to_end_of_block(slot);
    if (block == open_) {
      --open_marks_;
      return behind;
    }
    // From the leaf to the root: a left child's sibling is behind it. Without a branch.
    std::uint32_t count = 0;
    for (std::size_t node = leaves_ + block; node > 1; node /= 2) {
      --counts_[node];
      count += counts_[node | 1] & (static_cast<std::uint32_t>(node & 1) - 1);
    }
    behind += count;
    return behind + open_marks_;
  }

  // Those before each block.
  [[nodiscard]] std::vector<std::uint32_t> ranks() const {
    std::vector<std::uint32_t> ranks(words_.size() / kWords);
    std::uint32_t rank = 0;
    for (std::size_t word = 0; word < words_.size(); ++word) {
      if (word % kWords == 0) ranks[word / kWords] = rank;
      rank += static_cast<std::uint32_t>(std::popcount(words_[word]));
    }
    return ranks;
  }
  // Those before a slot within its block.
  [[nodiscard]] std::uint32_t rank_in_block(std::size_t slot) const {
    std::size_t word = slot / kBlock * kWords;
    int marks = 0;
    for (; word < slot / kWordBits; ++word) marks += std::popcount(words_[word]);
    return static_cast<std::uint32_t>(marks + std::popcount(words_[word] & (bit(slot) - 1)));
  }

  // The first `count` slots are marked, and no others.
  void restart(std::size_t count) {
    std::ranges::fill(words_, 0);
    std::ranges::fill(counts_, 0);
    open_ = 0;
    open_marks_ = 0;
    for (std::size_t slot = 0; slot < count; ++slot) mark(slot);
  }

 private:
  static constexpr std::size_t kWordBits = 64;
  static constexpr std::size_t kWords = kBlock / kWordBits;

  static std::uint64_t bit(std::size_t slot) { return std::uint64_t{1} << (slot % kWordBits); }

  [[nodiscard]] std::size_t marks_to_end_of_block(std::size_t slot) const {
    std::size_t word = slot / kWordBits;
    int marks = std::popcount(words_[word] & ~(bit(slot) - 1));
    for (++word; word % kWords != 0; ++word) marks += std::popcount(words_[word]);
    return static_cast<std::size_t>(marks);
  }

  void close(std::size_t next) {
    for (std::size_t node = leaves_ + open_; node > 0; node /= 2) counts_[node] += open_marks_;
    open_ = next;
    open_marks_ = 0;
  }

  std::size_t leaves_;
  std::vector<std::uint64_t> words_;
  std::vector<std::uint32_t>
      counts_;  // of a binary tree: the root is 1, of n the children 2n, 2n+1
  std::size_t open_ = 0;
  std::uint32_t open_marks_ = 0;
};

// Pages in the order of their last references, each at a marked slot.
class LruDistances {
 public:
  explicit LruDistances(std::size_t pages)
      : slots_(std::max(kLeastBlocks, kSlotsForEachPage * pages / MarkedSlots::kBlock + 1)),
        slot_(pages, kNone) {}

  static constexpr std::size_t kFirst = 0;

  // The stack distance, or kFirst; the page is on top after.
  std::size_t reference(PageNumber page) {
    if (next_ == slots_.size()) compact();
    const std::uint32_t slot = slot_[page];
    const std::size_t distance = slot == kNone ? kFirst : 1 + slots_.remove(slot);
    resident_ += slot == kNone ? 1 : 0;
    slots_.mark(next_);
    slot_[page] = static_cast<std::uint32_t>(next_++);
    return distance;
  }

  void prefetch(PageNumber page) const { __builtin_prefetch(&slot_[page], 1); }

 private:
  // With more it is seldom that the marks move together, but they lie in more memory.
  static constexpr std::size_t kSlotsForEachPage = 3;
  static constexpr std::size_t kLeastBlocks = 64;
  static constexpr std::uint32_t kNone = UINT32_MAX;

  void compact() {
    const std::vector<std::uint32_t> ranks = slots_.ranks();
    for (std::uint32_t& slot : slot_) {
      if (slot != kNone) slot = ranks[slot / MarkedSlots::kBlock] + slots_.rank_in_block(slot);
    }
    slots_.restart(resident_);
    next_ = resident_;
  }

  MarkedSlots slots_;
  std::vector<std::uint32_t> slot_;  // by page; kNone before its first reference
  std::size_t next_ = 0;
  std::size_t resident_ = 0;
};

}  // namespace

std::vector<std::uint64_t> lru_faults(const PageTrace& trace, const Cancel& cancel) {
  constexpr std::size_t kAhead = 16;
  BRIM_ASSERT(trace.pages < std::size_t{1} << 30);
  LruDistances pages(trace.pages);
  StackDistances distances(trace.pages);
  const std::size_t count = trace.references.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (i % kReferencesBetweenCancels == 0 && cancel.requested()) break;
    if (i + kAhead < count) pages.prefetch(trace.references[i + kAhead].page());
    const std::size_t distance = pages.reference(trace.references[i].page());
    if (distance == LruDistances::kFirst)
      distances.add_first();
    else
      distances.add(distance);
  }
  return distances.faults();
}

}  // namespace brim::thrash::model
