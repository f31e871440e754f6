// SPDX-License-Identifier: Apache-2.0
#include "share/model/difference_engine.h"

#include <algorithm>
#include <limits>

namespace brim::share::model {

void DifferenceEngine::add(SimulatedMemory::Range pages) {
  cycle_.add(pages);
  if (idle_.size() < pages.end) idle_.resize(pages.end);
}

void DifferenceEngine::run(ModelTime until) {
  for (std::uint64_t turns = cycle_.turns(until); turns > 0; --turns) {
    const auto page = cycle_.next(memory_);
    if (!page) return;
    if (cycle_.round_began()) equal_.forget_candidates();
    visit(*page);
  }
}

void DifferenceEngine::visit(Page page) {
  ++work_.visits;
  if (memory_.stored(page)) return;
  if (!unwritten(page)) {
    ++work_.skips;
    return;
  }
  const bool own = memory_.frame(page) == kOwnFrame;
  if (!own || equal_.join(page, work_)) {
    offer_reference(page);
    return;
  }
  if (idle_[page] >= knobs_.patch_after && patch(page)) return;
  // Its content does not change before the next access: once is enough.
  if (idle_[page] == knobs_.compress_after) compress(page);
  if (memory_.frame(page) == kOwnFrame) offer_reference(page);
}

bool DifferenceEngine::unwritten(Page page) {
  const bool written = memory_.written(page);
  const bool accessed = memory_.accessed(page);
  memory_.clear_written(page);
  memory_.clear_accessed(page);
  std::uint8_t& idle = idle_[page];
  if (written || accessed)
    idle = 0;
  else if (idle < std::numeric_limits<std::uint8_t>::max())
    ++idle;
  return !written;
}

// A frame that is shared already costs nothing as a reference.
void DifferenceEngine::offer_reference(Page page) {
  const bool own = memory_.frame(page) == kOwnFrame;
  const Content content = memory_.content(page);
  for (const SimilarityKey key : catalogue_->keys(content)) {
    if (key == kNoKey) continue;
    if (own) {
      candidates_.try_emplace(key, page);
      continue;
    }
    const auto [known, added] = references_.try_emplace(key, content);
    if (!added && equal_.frame(content_hash(known->second)) == kNoFrame) known->second = content;
  }
}

bool DifferenceEngine::patch(Page page) {
  const Content content = memory_.content(page);
  std::optional<Reference> best;
  Bytes smallest{kPageSize};
  std::optional<Content> tried;
  for (const SimilarityKey key : catalogue_->keys(content)) {
    const auto reference = find_reference(page, key);
    if (!reference || reference->content == tried) continue;
    tried = reference->content;
    ++work_.patches;
    const Bytes size = catalogue_->patch(content, reference->content);
    if (size >= smallest) continue;
    smallest = size;
    best = reference;
  }
  if (!best || !worth_keeping(smallest)) return false;
  memory_.store_patch(page, share(*best), smallest);
  return true;
}

std::optional<DifferenceEngine::Reference> DifferenceEngine::find_reference(Page page,
                                                                            SimilarityKey key) {
  if (key == kNoKey) return std::nullopt;
  const auto at = references_.find(key);
  if (at != references_.end() && equal_.frame(content_hash(at->second)) != kNoFrame)
    return Reference{at->second, std::nullopt};
  const auto other = find_candidate(page, key);
  if (!other) return std::nullopt;
  return Reference{memory_.content(*other), other};
}

std::optional<Page> DifferenceEngine::find_candidate(Page page, SimilarityKey key) {
  const auto at = candidates_.find(key);
  if (at == candidates_.end() || at->second == page) return std::nullopt;
  const Page other = at->second;
  // It may have been freed, stored, shared or written to since.
  if (memory_.frame(other) == kOwnFrame && !memory_.written(other)) {
    const SimilarityKeys keys = catalogue_->keys(memory_.content(other));
    if (std::ranges::find(keys, key) != keys.end()) return other;
  }
  candidates_.erase(at);
  return std::nullopt;
}

Frame DifferenceEngine::share(const Reference& reference) {
  if (!reference.page) return equal_.frame(content_hash(reference.content));
  const Frame frame = equal_.share(*reference.page);
  offer_reference(*reference.page);
  return frame;
}

void DifferenceEngine::compress(Page page) {
  ++work_.compressions;
  const Bytes size = catalogue_->compressed(memory_.content(page));
  if (worth_keeping(size)) memory_.store_compressed(page, size);
}

bool DifferenceEngine::worth_keeping(Bytes size) const {
  return size <= knobs_.kept_up_to && size < Bytes(kPageSize);
}

}  // namespace brim::share::model
