// SPDX-License-Identifier: Apache-2.0
#pragma once
// The contents a scan has seen: how many pages have each, in which subjects, and which of their
// frames is the one to keep.
//
// Open addressing with linear probing, 24 bytes a slot, 30 bytes a content at the load it is sized
// for; 256 shards by hash bits, each with its own lock when several threads insert. A content of
// one subject is all in its slot; of several subjects, the slot points to a chain of records, one a
// subject, ordered by descending subject: subjects are scanned roughly in order, so that a page of
// a new subject is told from the first record.
//
// The frame kept is the one with the lowest (rank, subject); a frame that is not kept is charged to
// its subject. So neither counts nor charges depend on the order of insertion, but for this:
// LIMIT: a frame that several subjects map is charged to, and has the rank of, the one whose page
// came first; with several threads that is chance. Totals are not touched by it unless the mappings
// differ in what KSM may do with them.
//
// LIMIT: 2^27 subjects, and 2^32 - 1 pages of one content (16 TiB); scan() refuses more pages.

#include "base/result.h"
#include "share/measure/frame_sightings.h"
#include "share/measure/page_arena.h"
#include "share/measure/page_hash.h"
#include "share/measure/subject.h"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace brim::share {

// The obstacle of a frame to being merged: 0 for a KSM frame, then by Cause, the last cause (the
// one that goes first when things are mended) lowest.
using Rank = std::uint8_t;
inline constexpr Rank kMergedRank = 0;
inline constexpr Rank kNoFactsRank = 15;  // no frame known: takes no part in real sharing
[[nodiscard]] constexpr Rank rank_of(const PageFacts& facts) {
  return facts.ksm ? kMergedRank : static_cast<Rank>(kCauseCount - static_cast<Rank>(facts.cause));
}
// Under what a frame of this rank is put when it is not the one kept. A second KSM frame with the
// same content is there because the first was full.
[[nodiscard]] constexpr Cause cause_of(Rank rank) {
  return rank == kMergedRank ? Cause::max_page_sharing : static_cast<Cause>(kCauseCount - rank);
}

class PageIndex {
 public:
  struct Options {
    std::uint64_t expected_contents = 0;  // no growth up to here
    bool concurrent = false;              // several threads insert
    bool locations = false;               // keep where the first page of each content is
    FrameSightings* frames = nullptr;     // for pages with facts; borrowed
  };

  struct Page {
    PageHash hash;
    std::uint32_t subject = 0;
    Rank rank = kNoFactsRank;
    std::uint64_t frame = 0;
    std::uint64_t location = 0;              // with Options::locations; below ~0
    std::optional<std::uint64_t> confirmed;  // the location the bytes were compared with
  };

  struct Added {
    // Nothing was added: compare with the page there, and come again.
    std::optional<std::uint64_t> confirm_with;
    std::uint32_t copies = 0;          // of the content now; 1: it is new
    bool new_frame = false;            // with facts: a frame of this content not seen yet
    bool first_with_facts = false;     // of this content
    Rank charged_rank = kNoFactsRank;  // a frame that turned out not to be kept
    std::uint32_t charged_subject = 0;
  };

  // One subject's pages of a content.
  struct Member {
    std::uint32_t subject = 0;
    std::uint32_t copies = 0;
  };
  struct Content {
    PageHash hash;
    std::uint64_t copies = 0;
    std::span<const Member> members;  // by descending subject
    bool with_facts = false;
  };

  static constexpr std::size_t kShards = 256;
  static constexpr std::uint32_t kMostSubjects = 1U << 27;

  [[nodiscard]] static Result<PageIndex> create(const Options& options);

  // Throws std::bad_alloc when it must grow and can't.
  Added add(const Page& page);
  [[nodiscard]] std::optional<std::uint64_t> first_location(const PageHash& hash);
  void prefetch(const PageHash& hash) const;

  // Not while another thread adds. `visit` takes a const Content&; one shard after another, or some
  // of them by each thread.
  template <class Visit>
  void for_each(std::size_t shard_number, Visit&& visit) const;

  [[nodiscard]] std::uint64_t memory_bytes() const;

 private:
  struct Slot {
    std::uint64_t low;
    std::uint64_t high;
    std::uint32_t copies;  // 0: empty
    // Bit 31: several subjects; bits 27-30: rank of the frame kept; bits 0-26: the subject, or the
    // first record in `members`.
    std::uint32_t link;
  };
  static_assert(sizeof(Slot) == 24);
  struct MemberRecord {
    std::uint32_t subject;  // bit 31: holds the frame kept
    std::uint32_t copies;
    std::uint32_t next;
  };
  struct alignas(64) Shard {
    std::atomic<bool> locked{false};
    Slot* slots = nullptr;
    std::uint64_t* locations = nullptr;
    std::uint64_t capacity = 0;
    std::uint64_t used = 0;
    std::uint64_t limit = 0;  // grows beyond
    std::vector<MemberRecord> members;
    PageArena own;  // after growth
  };
  class Guard;

  static constexpr std::uint32_t kSeveral = 1U << 31;
  static constexpr unsigned kRankShift = 27;
  static constexpr std::uint32_t kLinkMask = (1U << kRankShift) - 1;
  static constexpr std::uint32_t kKeeper = 1U << 31;
  static constexpr std::uint32_t kEnd = ~0U;

  PageIndex() = default;
  [[nodiscard]] std::uint64_t slot_bytes() const { return sizeof(Slot) + (locations_ ? 8 : 0); }
  [[nodiscard]] Shard& shard_of(const PageHash& hash) const { return shards_[hash.high >> 56]; }
  static void place(Shard& shard, std::byte* memory, std::uint64_t capacity, bool locations);
  [[nodiscard]] static std::uint64_t find(const Shard& shard, const PageHash& hash);
  void grow(Shard& shard) const;
  static void count_member(Shard& shard, Slot& slot, std::uint32_t subject);
  [[nodiscard]] static std::uint32_t keeper_of(const Shard& shard, const Slot& slot);
  static void set_keeper(Shard& shard, Slot& slot, std::uint32_t subject, Rank rank);
  static Rank rank_in(const Slot& slot) { return (slot.link >> kRankShift) & 15; }
  void account_frame(Shard& shard, Slot& slot, const Page& page, Added& added) const;

  std::unique_ptr<Shard[]> shards_;
  PageArena arena_;
  std::uint64_t first_capacity_ = 0;  // of each shard
  bool concurrent_ = false;
  bool locations_ = false;
  FrameSightings* frames_ = nullptr;
};

template <class Visit>
void PageIndex::for_each(std::size_t shard_number, Visit&& visit) const {
  const Shard& shard = shards_[shard_number];
  std::vector<Member> members;
  for (std::uint64_t i = 0; i < shard.capacity; ++i) {
    const Slot& slot = shard.slots[i];
    if (slot.copies == 0) continue;
    members.clear();
    if ((slot.link & kSeveral) == 0) {
      members.push_back({slot.link & kLinkMask, slot.copies});
    } else {
      for (std::uint32_t at = slot.link & kLinkMask; at != kEnd; at = shard.members[at].next)
        members.push_back({shard.members[at].subject & ~kKeeper, shard.members[at].copies});
    }
    visit(Content{PageHash{slot.low, slot.high}, slot.copies, members,
                  rank_in(slot) != kNoFactsRank});
  }
}

}  // namespace brim::share
