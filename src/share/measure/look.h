// SPDX-License-Identifier: Apache-2.0
#pragma once
// One thread's look at pages: hashes them, counts them into the shared index, and keeps its own
// tally. Tallies add up to the same whatever thread saw which part.

#include "share/measure/beyond.h"
#include "share/measure/confirm.h"
#include "share/measure/content_sample.h"
#include "share/measure/huge.h"
#include "share/measure/mapped_frames.h"
#include "share/measure/page_index.h"
#include "share/measure/page_memory.h"
#include "share/measure/part_runner.h"
#include "share/measure/pattern.h"
#include "share/measure/scan.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

namespace brim::share {

struct SubjectTally {
  std::uint64_t pages = 0;
  std::uint64_t zero_pages = 0;
  std::uint64_t huge_pages_4k = 0;
  std::uint64_t merged_pages = 0;
  std::uint64_t shared_pages = 0;
  std::uint64_t facts_pages = 0;   // not zero, with facts
  std::uint64_t saved_shares = 0;  // sum of 1 - 1/map_count, in units of 2^-24 page
  HugeTally huge;
  // Frames charged, of contents that are certain and of those that are sampled.
  std::array<std::uint64_t, kCauseCount> certain_charges{};
  std::array<std::uint64_t, kCauseCount> sampled_charges{};

  SubjectTally& operator+=(const SubjectTally& other);
};
inline constexpr double kShareUnit = 1.0 / (1 << 24);

struct LookTally {
  std::vector<SubjectTally> subjects;
  RealSharing real;                // but for outside_pages
  std::uint64_t facts_pages = 0;   // pages with facts, not zero
  std::uint64_t facts_frames = 0;  // frames behind them
  std::uint64_t facts_contents_certain = 0;
  std::uint64_t facts_contents_sampled = 0;
  std::uint64_t changing_pages = 0;
  std::uint64_t confirmed_pages = 0;
  std::uint64_t collisions = 0;
  std::uint64_t changed_while_confirming = 0;
  std::uint64_t unconfirmed_pages = 0;
  MappedFrames mapped_frames;

  LookTally& operator+=(const LookTally& other);
};

// What all threads of a look share; borrowed.
struct LookContext {
  std::span<const std::unique_ptr<Subject>> subjects;
  const PartList& list;
  const PageHasher& hasher;
  const ContentSample& sample;
  PageIndex& index;
  PageIndex* huge_index = nullptr;
  FrameSightings* frames = nullptr;
  BeyondExaminer* beyond = nullptr;
  bool confirm = false;
  const std::vector<PageMemory>* first_look = nullptr;  // by part
  std::vector<PageMemory>* remember = nullptr;          // by part
};

class Look final : public PartVisitor {
 public:
  Look(const LookContext& context, unsigned worker);

  void take(std::size_t part_number, const PageBatch& batch) override;
  void finish_part(std::size_t part_number) override;

  [[nodiscard]] LookTally& tally() { return tally_; }
  [[nodiscard]] const PatternNames& patterns() const { return patterns_; }

 private:
  struct Chunk {
    std::uint32_t subject = 0;
    std::uint64_t first_page = 0;
    std::uint64_t first_ordinal = 0;
    const std::byte* bytes = nullptr;
    const PageFacts* facts = nullptr;  // null: none
    std::size_t count = 0;
    std::uint64_t copies = 0;   // bit i: page i has the bytes of the page before it
    std::uint64_t zero = 0;     // bit i: page i is zero
    std::uint64_t changed = 0;  // bit i: differs from the first look
    [[nodiscard]] std::span<const std::byte, kPageSize> page(std::size_t i) const {
      return std::span<const std::byte, kPageSize>(bytes + i * kPageSize, kPageSize);
    }
  };
  void hash_chunk(Chunk& chunk);
  void hash_pages(Chunk& chunk, std::size_t at, std::size_t end);
  void take_chunk(std::size_t part_number, Chunk& chunk);
  void compare_with_first_look(Chunk& chunk);
  void count_facts(const Chunk& chunk);
  void count_page(const Chunk& chunk, std::size_t i);
  void count_mapped(const PageFacts& facts, SubjectTally& subject);
  void count_frame(const PageFacts& facts, const PageIndex::Added& added, bool certain);
  PageIndex::Added confirm_and_add(PageIndex::Page& page,
                                   std::span<const std::byte, kPageSize> bytes);

  const LookContext& context_;
  unsigned worker_;
  LookTally tally_;
  PatternNames patterns_;
  std::optional<Confirmer> confirmer_;
  std::optional<HugeBlocks> blocks_;
  std::optional<PageMemory::Cursor> cursor_;  // in the first look, of the part in hand
  std::array<PageHash, PageHasher::kMost> hashes_{};
};

// The first of two looks: keeps a hash of each page, nothing else.
class FirstLook final : public PartVisitor {
 public:
  FirstLook(const PageHasher& hasher, std::vector<PageMemory>& memory)
      : hasher_(hasher), memory_(memory) {}
  void take(std::size_t part_number, const PageBatch& batch) override;
  void finish_part(std::size_t) override {}

 private:
  const PageHasher& hasher_;
  std::vector<PageMemory>& memory_;
  std::array<PageHash, PageHasher::kMost> hashes_{};
};

}  // namespace brim::share
