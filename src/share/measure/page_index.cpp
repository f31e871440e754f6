// SPDX-License-Identifier: Apache-2.0
#include "share/measure/page_index.h"

#include <algorithm>
#include <new>
#include <thread>

namespace brim::share {
namespace {

constexpr double kLoad = 0.8;         // sized for
constexpr double kMostLoad = 0.9;     // grows beyond
constexpr std::uint64_t kSpare = 16;  // slots a shard, for the spread of a few contents

// Maps 64 random bits onto [0, bound) (Lemire 2019), with a multiplication instead of a division.
std::uint64_t reduce(std::uint64_t bits, std::uint64_t bound) {
  __extension__ using Wide = unsigned __int128;
  return static_cast<std::uint64_t>((static_cast<Wide>(bits) * bound) >> 64);
}

std::uint64_t limit_for(std::uint64_t capacity) {
  return static_cast<std::uint64_t>(static_cast<double>(capacity) * kMostLoad);
}

}  // namespace

// A spin lock: held for some tens of nanoseconds, and contended by chance only (256 shards).
class PageIndex::Guard {
 public:
  Guard(Shard& shard, bool concurrent) : shard_(concurrent ? &shard : nullptr) {
    if (shard_ == nullptr) return;
    unsigned spins = 0;
    while (shard_->locked.exchange(true, std::memory_order_acquire)) {
      while (shard_->locked.load(std::memory_order_relaxed))
        if (++spins % 64 == 0) std::this_thread::yield();  // its holder may be off the processor
    }
  }
  ~Guard() {
    if (shard_ != nullptr) shard_->locked.store(false, std::memory_order_release);
  }
  Guard(const Guard&) = delete;
  Guard& operator=(const Guard&) = delete;

 private:
  Shard* shard_;
};

void PageIndex::place(Shard& shard, std::byte* memory, std::uint64_t capacity, bool locations) {
  shard.slots = reinterpret_cast<Slot*>(memory);
  shard.locations =
      locations ? reinterpret_cast<std::uint64_t*>(memory + capacity * sizeof(Slot)) : nullptr;
  shard.capacity = capacity;
  shard.limit = limit_for(capacity);
}

Result<PageIndex> PageIndex::create(const Options& options) {
  PageIndex index;
  index.concurrent_ = options.concurrent;
  index.locations_ = options.locations;
  index.frames_ = options.frames;
  const auto capacity = static_cast<std::uint64_t>(static_cast<double>(options.expected_contents) /
                                                   static_cast<double>(kShards) / kLoad) +
                        kSpare;
  const std::uint64_t bytes = capacity * index.slot_bytes() * kShards;
  auto arena = PageArena::make(bytes);
  if (!arena)
    return fail(ErrorCode::io, "no memory for the page index: it needs " + std::to_string(bytes) +
                                   " bytes; scan less at once, or sample");
  index.arena_ = std::move(*arena);
  index.first_capacity_ = capacity;
  index.shards_ = std::make_unique<Shard[]>(kShards);
  for (std::size_t i = 0; i < kShards; ++i)
    place(index.shards_[i], index.arena_.data() + i * capacity * index.slot_bytes(), capacity,
          index.locations_);
  return index;
}

// The slot of the content, or the empty one where it belongs.
std::uint64_t PageIndex::find(const Shard& shard, const PageHash& hash) {
  std::uint64_t at = reduce(hash.low, shard.capacity);
  for (;;) {
    const Slot& slot = shard.slots[at];
    if (slot.copies == 0 || (slot.low == hash.low && slot.high == hash.high)) return at;
    if (++at == shard.capacity) at = 0;
  }
}

// Of the first place a shard had, which doesn't change while others insert; a shard that has grown
// since only gains nothing.
void PageIndex::prefetch(const PageHash& hash) const {
  const std::uint64_t shard = hash.high >> 56;
  if (concurrent_) __builtin_prefetch(&shards_[shard], 1);
  const std::byte* first = arena_.data() + shard * first_capacity_ * slot_bytes();
  __builtin_prefetch(first + reduce(hash.low, first_capacity_) * sizeof(Slot), 1);
}

void PageIndex::grow(Shard& shard) const {
  const std::uint64_t capacity = shard.capacity + shard.capacity / 2 + kSpare;
  auto arena = PageArena::make(capacity * slot_bytes());
  if (!arena) throw std::bad_alloc();
  Shard next;
  place(next, arena->data(), capacity, locations_);
  for (std::uint64_t i = 0; i < shard.capacity; ++i) {
    const Slot& slot = shard.slots[i];
    if (slot.copies == 0) continue;
    const std::uint64_t at = find(next, PageHash{slot.low, slot.high});
    next.slots[at] = slot;
    if (locations_) next.locations[at] = shard.locations[i];
  }
  place(shard, arena->data(), capacity, locations_);
  shard.own = std::move(*arena);
}

std::optional<std::uint64_t> PageIndex::first_location(const PageHash& hash) {
  Shard& shard = shard_of(hash);
  const Guard guard(shard, concurrent_);
  const std::uint64_t at = find(shard, hash);
  if (shard.slots[at].copies == 0) return std::nullopt;
  return shard.locations[at];
}

PageIndex::Added PageIndex::add(const Page& page) {
  Shard& shard = shard_of(page.hash);
  const Guard guard(shard, concurrent_);
  Added added;
  std::uint64_t at = find(shard, page.hash);
  if (shard.slots[at].copies == 0) {
    if (shard.used >= shard.limit) {
      grow(shard);
      at = find(shard, page.hash);
    }
    ++shard.used;
    shard.slots[at] = Slot{page.hash.low, page.hash.high, 1,
                           page.subject | (static_cast<std::uint32_t>(kNoFactsRank) << kRankShift)};
    if (locations_) shard.locations[at] = page.location;
  } else {
    if (locations_ && page.confirmed != shard.locations[at]) {
      added.confirm_with = shard.locations[at];
      return added;
    }
    count_member(shard, shard.slots[at], page.subject);
  }
  Slot& slot = shard.slots[at];
  added.copies = slot.copies;
  if (page.rank != kNoFactsRank) account_frame(shard, slot, page, added);
  return added;
}

void PageIndex::count_member(Shard& shard, Slot& slot, std::uint32_t subject) {
  ++slot.copies;
  BRIM_ASSERT(slot.copies != 0);
  const std::uint32_t rank_bits = slot.link & (15U << kRankShift);
  const auto record = [&shard](std::uint32_t owner, std::uint32_t copies, std::uint32_t next) {
    const std::size_t at = shard.members.size();
    BRIM_ASSERT(at < kLinkMask);
    shard.members.push_back(MemberRecord{owner, copies, next});
    return static_cast<std::uint32_t>(at);
  };
  if ((slot.link & kSeveral) == 0) {
    const std::uint32_t only = slot.link & kLinkMask;
    if (only == subject) return;
    const bool kept = rank_in(slot) != kNoFactsRank;
    const std::uint32_t first = record(only | (kept ? kKeeper : 0), slot.copies - 1, kEnd);
    slot.link = kSeveral | rank_bits | first;
  }
  const std::uint32_t head = slot.link & kLinkMask;
  std::uint32_t before = kEnd;
  std::uint32_t at = head;
  while (at != kEnd && (shard.members[at].subject & ~kKeeper) > subject) {
    before = at;
    at = shard.members[at].next;
  }
  if (at != kEnd && (shard.members[at].subject & ~kKeeper) == subject) {
    ++shard.members[at].copies;
    return;
  }
  const std::uint32_t made = record(subject, 1, at);
  if (before == kEnd)
    slot.link = kSeveral | rank_bits | made;
  else
    shard.members[before].next = made;
}

std::uint32_t PageIndex::keeper_of(const Shard& shard, const Slot& slot) {
  if ((slot.link & kSeveral) == 0) return slot.link & kLinkMask;
  for (std::uint32_t at = slot.link & kLinkMask; at != kEnd; at = shard.members[at].next)
    if ((shard.members[at].subject & kKeeper) != 0) return shard.members[at].subject & ~kKeeper;
  BRIM_ASSERT(false);
}

void PageIndex::set_keeper(Shard& shard, Slot& slot, std::uint32_t subject, Rank rank) {
  slot.link = (slot.link & ~(15U << kRankShift)) | (static_cast<std::uint32_t>(rank) << kRankShift);
  if ((slot.link & kSeveral) == 0) return;
  for (std::uint32_t at = slot.link & kLinkMask; at != kEnd; at = shard.members[at].next) {
    std::uint32_t& owner = shard.members[at].subject;
    owner = (owner & ~kKeeper) == subject ? owner | kKeeper : owner & ~kKeeper;
  }
}

// The frame's bit is set under the content's lock, so that of two pages on one frame the first to
// come brings the frame, and the other shares it.
void PageIndex::account_frame(Shard& shard, Slot& slot, const Page& page, Added& added) const {
  const bool seen = frames_ != nullptr && !frames_->first_sight(page.frame);
  const Rank kept = rank_in(slot);
  if (kept == kNoFactsRank) {
    // A seen frame can hold a new content only when it was written to in between: then it counts as
    // the content's own, so that each content with facts has at least one frame.
    added.new_frame = true;
    added.first_with_facts = true;
    set_keeper(shard, slot, page.subject, page.rank);
    return;
  }
  if (seen) return;
  added.new_frame = true;
  const std::uint32_t keeper = keeper_of(shard, slot);
  if (std::pair(page.rank, page.subject) < std::pair(kept, keeper)) {
    added.charged_rank = kept;
    added.charged_subject = keeper;
    set_keeper(shard, slot, page.subject, page.rank);
  } else {
    added.charged_rank = page.rank;
    added.charged_subject = page.subject;
  }
}

std::uint64_t PageIndex::memory_bytes() const {
  std::uint64_t bytes = arena_.bytes() + kShards * sizeof(Shard);
  for (std::size_t i = 0; i < kShards; ++i)
    bytes += shards_[i].own.bytes() + shards_[i].members.capacity() * sizeof(MemberRecord);
  return bytes;
}

}  // namespace brim::share
