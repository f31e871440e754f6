// SPDX-License-Identifier: Apache-2.0
#include "share/model/difference_engine.h"

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
  const ContentTraits traits = catalogue_->traits(memory_.content(page));
  const bool own = memory_.frame(page) == kOwnFrame;
  if (!own || equal_.join(page, work_)) {
    offer_reference(page, traits.group);
    return;
  }
  if (idle_[page] >= knobs_.patch_after && patch(page, traits)) return;
  // Its content does not change before the next access: once is enough.
  if (idle_[page] == knobs_.compress_after) compress(page, traits);
  if (memory_.frame(page) == kOwnFrame) offer_reference(page, traits.group);
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
void DifferenceEngine::offer_reference(Page page, SimilarityGroup group) {
  if (group == kNoGroup) return;
  if (memory_.frame(page) == kOwnFrame) {
    candidates_.try_emplace(group, page);
    return;
  }
  const auto at = references_.find(group);
  if (at == references_.end() || equal_.frame(at->second) == kNoFrame)
    references_[group] = content_hash(memory_.content(page));
}

bool DifferenceEngine::patch(Page page, const ContentTraits& traits) {
  if (traits.group == kNoGroup) return false;
  Frame frame = reference(traits.group);
  const auto other = frame == kNoFrame ? candidate(page, traits.group) : std::nullopt;
  if (frame == kNoFrame && !other) return false;
  ++work_.patches;
  if (traits.patch > knobs_.kept_up_to) return false;
  if (other) {
    references_[traits.group] = content_hash(memory_.content(*other));
    frame = equal_.share(*other);
  }
  memory_.store_patch(page, frame, traits.patch);
  return true;
}

Frame DifferenceEngine::reference(SimilarityGroup group) {
  const auto at = references_.find(group);
  return at == references_.end() ? kNoFrame : equal_.frame(at->second);
}

std::optional<Page> DifferenceEngine::candidate(Page page, SimilarityGroup group) {
  const auto at = candidates_.find(group);
  if (at == candidates_.end() || at->second == page) return std::nullopt;
  const Page other = at->second;
  // It may have been freed, stored, shared or written to since.
  if (memory_.frame(other) == kOwnFrame && !memory_.written(other) &&
      catalogue_->traits(memory_.content(other)).group == group)
    return other;
  candidates_.erase(at);
  return std::nullopt;
}

void DifferenceEngine::compress(Page page, const ContentTraits& traits) {
  ++work_.compressions;
  if (traits.compressed <= knobs_.kept_up_to) memory_.store_compressed(page, traits.compressed);
}

}  // namespace brim::share::model
