// SPDX-License-Identifier: Apache-2.0
#include "share/model/satori.h"

namespace brim::share::model {

void Satori::add(SimulatedMemory::Range pages) {
  guests_.push_back(pages);
  if (blocks_.size() < pages.end) blocks_.resize(pages.end);
}

void Satori::read_from_disk(Page page, Block block) {
  if (page >= blocks_.size() || memory_.frame(page) != kOwnFrame) return;
  ++work_.lookups;
  memory_.clear_written(page);
  blocks_[page] = block;
  if (!join_shared(page, block) && !join_first(page, block)) first_[block] = page;
}

bool Satori::join_shared(Page page, Block block) {
  const Frame frame = shared_.find(block);
  // The block has been written to on the disk since: its next reader begins anew.
  if (frame == kNoFrame || memory_.content_of(frame) != memory_.content(page)) return false;
  ++work_.merges;
  memory_.join(page, frame);
  return true;
}

bool Satori::join_first(Page page, Block block) {
  const auto at = first_.find(block);
  if (at == first_.end()) return false;
  const Page other = at->second;
  const bool holds_it = other != page && memory_.frame(other) == kOwnFrame &&
                        !memory_.written(other) && blocks_[other] == block &&
                        memory_.content(other) == memory_.content(page);
  if (!holds_it) return false;
  work_.merges += 2;
  first_.erase(at);
  memory_.join(page, shared_.share(other, block));
  return true;
}

double Satori::entitlement(std::size_t guest) const {
  double frames = 0;
  for (Page page = guests_[guest].first; page < guests_[guest].end; ++page) {
    const Frame frame = memory_.frame(page);
    if (frame < kFirstShared) continue;
    const double pages = memory_.pages_on(frame);
    frames += (pages - 1) / pages;
  }
  return frames;
}

}  // namespace brim::share::model
