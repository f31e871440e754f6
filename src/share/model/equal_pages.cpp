// SPDX-License-Identifier: Apache-2.0
#include "share/model/equal_pages.h"

namespace brim::share::model {

bool EqualPages::join(Page page, Work& work) {
  ++work.checksums;
  const ContentHash hash = content_hash(memory_.content(page));
  if (join_shared(page, hash, work) || join_candidate(page, hash, work)) return true;
  candidates_[hash] = page;
  return false;
}

bool EqualPages::join_shared(Page page, ContentHash hash, Work& work) {
  const Frame frame = shared_.find(hash);
  if (frame == kNoFrame) return false;
  ++work.confirmations;
  ++work.merges;
  memory_.join(page, frame);
  return true;
}

bool EqualPages::join_candidate(Page page, ContentHash hash, Work& work) {
  const auto at = candidates_.find(hash);
  if (at == candidates_.end()) return false;
  const Page other = at->second;
  if (other == page || memory_.frame(other) != kOwnFrame) return false;
  if (memory_.content(other) != memory_.content(page)) {
    ++work.comparisons;
    return false;
  }
  ++work.confirmations;
  work.merges += 2;
  candidates_.erase(at);
  memory_.join(page, shared_.share(other, hash));
  return true;
}

}  // namespace brim::share::model
