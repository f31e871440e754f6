// SPDX-License-Identifier: Apache-2.0
#include "share/measure/look.h"

#include "share/measure/similarity.h"

#include <algorithm>
#include <bit>

namespace brim::share {
namespace {

template <class Do>
void for_each_bit(std::uint64_t bits, Do&& action) {
  for (; bits != 0; bits &= bits - 1) action(static_cast<std::size_t>(std::countr_zero(bits)));
}

constexpr std::uint64_t low_bits(std::size_t count) {
  return count >= 64 ? ~0ULL : (1ULL << count) - 1;
}

// The identity of a content whose hash another content has: a fixed walk away from it, so that
// equal contents meet again.
PageHash next_identity(const PageHash& hash) {
  return PageHash{mix_bits(hash.low + 0x9e3779b97f4a7c15ULL), mix_bits(hash.high ^ hash.low)};
}

}  // namespace

SubjectTally& SubjectTally::operator+=(const SubjectTally& other) {
  pages += other.pages;
  zero_pages += other.zero_pages;
  huge_pages_4k += other.huge_pages_4k;
  merged_pages += other.merged_pages;
  shared_pages += other.shared_pages;
  facts_pages += other.facts_pages;
  saved_shares += other.saved_shares;
  huge += other.huge;
  for (std::size_t c = 0; c < kCauseCount; ++c) {
    certain_charges[c] += other.certain_charges[c];
    sampled_charges[c] += other.sampled_charges[c];
  }
  return *this;
}

LookTally& LookTally::operator+=(const LookTally& other) {
  subjects.resize(std::max(subjects.size(), other.subjects.size()));
  for (std::size_t s = 0; s < other.subjects.size(); ++s) subjects[s] += other.subjects[s];
  real.merged_pages += other.real.merged_pages;
  real.ksm_frames += other.real.ksm_frames;
  real.saved_pages += other.real.saved_pages;
  real.ksm_saved_pages += other.real.ksm_saved_pages;
  real.mergeable_saved_pages += other.real.mergeable_saved_pages;
  real.zero_merged_pages += other.real.zero_merged_pages;
  facts_pages += other.facts_pages;
  facts_frames += other.facts_frames;
  facts_contents_certain += other.facts_contents_certain;
  facts_contents_sampled += other.facts_contents_sampled;
  changing_pages += other.changing_pages;
  confirmed_pages += other.confirmed_pages;
  collisions += other.collisions;
  changed_while_confirming += other.changed_while_confirming;
  unconfirmed_pages += other.unconfirmed_pages;
  mapped_frames += other.mapped_frames;
  return *this;
}

Look::Look(const LookContext& context, unsigned worker) : context_(context), worker_(worker) {
  tally_.subjects.resize(context.subjects.size());
  if (context.confirm) confirmer_.emplace(context.subjects, context.list, context.hasher);
  if (context.huge_index != nullptr) blocks_.emplace(context.hasher, *context.huge_index);
}

void Look::take(std::size_t part_number, const PageBatch& batch) {
  const PartOfSubject& part = context_.list.parts()[part_number];
  const std::size_t count = batch.count();
  if (context_.first_look != nullptr && !cursor_)
    cursor_.emplace((*context_.first_look)[part_number]);
  for (std::size_t at = 0; at < count; at += PageHasher::kMost) {
    Chunk chunk;
    chunk.subject = part.subject;
    chunk.first_page = batch.first_page + at;
    chunk.first_ordinal = part.first_ordinal + (chunk.first_page - part.part.first_page);
    chunk.bytes = batch.bytes.data() + at * kPageSize;
    chunk.facts = batch.facts.empty() ? nullptr : batch.facts.data() + at;
    chunk.count = std::min(count - at, PageHasher::kMost);
    chunk.copies = at == 0 ? batch.copies : 0;
    if (batch.known_zero) {
      chunk.zero = low_bits(chunk.count);
      std::fill_n(hashes_.begin(), chunk.count, context_.hasher.zero_page());
    } else {
      hash_chunk(chunk);
    }
    take_chunk(part_number, chunk);
  }
}

// The index is asked for the places of a few pages while the next few are hashed: for a whole chunk
// at once, its cache lines would have to queue.
void Look::hash_chunk(Chunk& chunk) {
  constexpr std::size_t kFew = 8;
  for (std::size_t at = 0; at < chunk.count; at += kFew) {
    const std::size_t end = std::min(at + kFew, chunk.count);
    hash_pages(chunk, at, end);
    if (!context_.sample.all()) continue;
    for_each_bit(~chunk.zero >> at & low_bits(end - at),
                 [&](std::size_t i) { context_.index.prefetch(hashes_[at + i]); });
  }
}

// Pages [at, end) of the chunk; what is a copy of the page before it has its hash.
void Look::hash_pages(Chunk& chunk, std::size_t at, std::size_t end) {
  while (at < end) {
    if (at > 0 && (chunk.copies >> at & 1) != 0) {
      hashes_[at] = hashes_[at - 1];
      chunk.zero |= (chunk.zero >> (at - 1) & 1) << at;
      ++at;
      continue;
    }
    std::size_t stop = at + 1;
    while (stop < end && (chunk.copies >> stop & 1) == 0) ++stop;
    chunk.zero |=
        context_.hasher.hash_pages(chunk.bytes + at * kPageSize, stop - at, hashes_.data() + at)
        << at;
    at = stop;
  }
}

void Look::finish_part(std::size_t part_number) {
  cursor_.reset();
  if (!blocks_) return;
  const PartOfSubject& part = context_.list.parts()[part_number];
  const bool ends_image =
      part.last_of_subject && context_.subjects[part.subject]->kind() == SubjectKind::image;
  blocks_->finish(part.subject, ends_image ? part.part.first_page + part.part.count : 0,
                  tally_.subjects[part.subject].huge);
}

void Look::take_chunk(std::size_t part_number, Chunk& chunk) {
  SubjectTally& subject = tally_.subjects[chunk.subject];
  subject.pages += chunk.count;
  subject.zero_pages += static_cast<std::uint64_t>(std::popcount(chunk.zero));

  std::uint64_t kept = ~chunk.zero & low_bits(chunk.count);
  if (!context_.sample.all()) {
    for_each_bit(kept, [&](std::size_t i) {
      if (!context_.sample.keeps(hashes_[i])) kept &= ~(1ULL << i);
    });
    for_each_bit(kept, [&](std::size_t i) { context_.index.prefetch(hashes_[i]); });
  }

  if (context_.remember != nullptr)
    for (std::size_t i = 0; i < chunk.count; ++i)
      (*context_.remember)[part_number].add(chunk.first_page + i, hashes_[i].low);
  if (cursor_) compare_with_first_look(chunk);
  if (blocks_)
    for (std::size_t i = 0; i < chunk.count; ++i)
      blocks_->take(chunk.subject, chunk.first_page + i, hashes_[i], (chunk.zero >> i & 1) != 0,
                    subject.huge);
  if (chunk.facts != nullptr) count_facts(chunk);
  if (confirmer_)
    for_each_bit(kept, [&](std::size_t i) {
      if (const auto first = context_.index.first_location(hashes_[i]))
        confirmer_->prefetch(*first);
    });
  for_each_bit(kept, [&](std::size_t i) { count_page(chunk, i); });

  // Pages whose content isn't kept still tell frames.
  if (chunk.facts == nullptr || context_.sample.all()) return;
  for_each_bit(~chunk.zero & ~kept & low_bits(chunk.count), [&](std::size_t i) {
    PageIndex::Added added;
    added.new_frame = context_.frames->first_sight(chunk.facts[i].frame);
    count_frame(chunk.facts[i], added, false);
  });
}

void Look::compare_with_first_look(Chunk& chunk) {
  for (std::size_t i = 0; i < chunk.count; ++i) {
    const auto before = cursor_->find(chunk.first_page + i);
    if (before && *before != hashes_[i].low) chunk.changed |= 1ULL << i;
  }
  tally_.changing_pages += static_cast<std::uint64_t>(std::popcount(chunk.changed));
}

void Look::count_facts(const Chunk& chunk) {
  SubjectTally& subject = tally_.subjects[chunk.subject];
  for (std::size_t i = 0; i < chunk.count; ++i) context_.frames->prefetch(chunk.facts[i].frame);
  for (std::size_t i = 0; i < chunk.count; ++i) {
    const PageFacts& facts = chunk.facts[i];
    subject.huge_pages_4k += facts.huge ? 1 : 0;
    if ((chunk.zero >> i & 1) != 0) {
      tally_.real.zero_merged_pages += facts.zero_frame || facts.ksm ? 1 : 0;
      continue;
    }
    ++subject.facts_pages;
    ++tally_.facts_pages;
    if (facts.ksm) {
      ++subject.merged_pages;
      ++tally_.real.merged_pages;
    }
    if (facts.map_count > 1) count_mapped(facts, subject);
  }
}

void Look::count_mapped(const PageFacts& facts, SubjectTally& subject) {
  ++subject.shared_pages;
  subject.saved_shares += (1ULL << 24) - (1ULL << 24) / facts.map_count;
  if (facts.frame != 0) tally_.mapped_frames.add(facts.frame, facts.map_count);
}

void Look::count_page(const Chunk& chunk, std::size_t i) {
  PageIndex::Page page;
  page.hash = hashes_[i];
  page.subject = chunk.subject;
  page.location = chunk.first_ordinal + i;
  PageFacts facts;
  if (chunk.facts != nullptr) {
    facts = chunk.facts[i];
    // Changing stands before the causes that KSM itself could mend.
    if ((chunk.changed >> i & 1) != 0 && facts.cause > Cause::changing)
      facts.cause = Cause::changing;
    page.rank = rank_of(facts);
    page.frame = facts.frame;
  }
  const PageIndex::Added added =
      confirmer_ ? confirm_and_add(page, chunk.page(i)) : context_.index.add(page);
  if (added.copies == 1) {
    if (context_.beyond != nullptr && context_.sample.drawn(page.hash))
      context_.beyond->offer(worker_, page.hash, chunk.subject, chunk.first_page + i,
                             chunk.page(i));
  } else {
    patterns_.look(page.hash, added.copies, chunk.page(i));
  }
  if (chunk.facts != nullptr) count_frame(facts, added, context_.sample.certain(hashes_[i]));
}

void Look::count_frame(const PageFacts& facts, const PageIndex::Added& added, bool certain) {
  if (added.new_frame) {
    ++tally_.facts_frames;
    tally_.real.ksm_frames += facts.ksm ? 1 : 0;
  } else {
    ++tally_.real.saved_pages;
    tally_.real.ksm_saved_pages += facts.ksm ? 1 : 0;
    tally_.real.mergeable_saved_pages += facts.mergeable ? 1 : 0;
  }
  if (added.first_with_facts)
    ++(certain ? tally_.facts_contents_certain : tally_.facts_contents_sampled);
  if (added.charged_rank == kNoFactsRank) return;
  SubjectTally& charged = tally_.subjects[added.charged_subject];
  auto& charges = certain ? charged.certain_charges : charged.sampled_charges;
  ++charges[static_cast<std::size_t>(cause_of(added.charged_rank))];
}

PageIndex::Added Look::confirm_and_add(PageIndex::Page& page,
                                       std::span<const std::byte, kPageSize> bytes) {
  const PageHash hash = page.hash;
  bool collided = false;
  for (;;) {
    const PageIndex::Added added = context_.index.add(page);
    if (!added.confirm_with) return added;
    switch (confirmer_->compare(*added.confirm_with, bytes, hash)) {
      case Match::different:
        tally_.collisions += collided ? 0 : 1;
        collided = true;
        page.hash = next_identity(page.hash);
        continue;
      case Match::same:
        ++tally_.confirmed_pages;
        break;
      case Match::changed:
        ++tally_.changed_while_confirming;
        break;
      case Match::unreadable:
        ++tally_.unconfirmed_pages;
        break;
    }
    page.confirmed = added.confirm_with;
  }
}

void FirstLook::take(std::size_t part_number, const PageBatch& batch) {
  PageMemory& memory = memory_[part_number];
  const std::size_t count = batch.count();
  for (std::size_t at = 0; at < count; at += PageHasher::kMost) {
    const std::size_t pages = std::min(count - at, PageHasher::kMost);
    if (batch.known_zero)
      std::fill_n(hashes_.begin(), pages, hasher_.zero_page());
    else
      (void)hasher_.hash_pages(batch.bytes.data() + at * kPageSize, pages, hashes_.data());
    for (std::size_t i = 0; i < pages; ++i) memory.add(batch.first_page + at + i, hashes_[i].low);
  }
}

}  // namespace brim::share
