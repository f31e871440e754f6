// SPDX-License-Identifier: Apache-2.0
#pragma once
// Content-based sharing's tables: shared frames by the hash of their content, and candidates, pages
// that were hashed and found no equal one. Candidates are not protected: before two pages share a
// frame they are compared byte by byte.

#include "share/model/mechanism.h"
#include "share/model/shared_frames.h"

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

class EqualPages {
 public:
  // `memory` must outlive it, and have no other owner of shared frames.
  explicit EqualPages(SimulatedMemory& memory) : memory_(memory), shared_(memory) {}

  // Hashes a page on a frame of its own. True when it shares one now; else it is a candidate.
  bool join(Page page, Work& work);
  void forget_candidates() { candidates_.clear(); }

  // The shared frame of this content, or kNoFrame.
  [[nodiscard]] Frame frame(ContentHash hash) const { return shared_.find(hash); }
  // The page's own frame becomes that.
  Frame share(Page page) { return shared_.share(page, content_hash(memory_.content(page))); }

 private:
  bool join_shared(Page page, ContentHash hash, Work& work);
  bool join_candidate(Page page, ContentHash hash, Work& work);

  SimulatedMemory& memory_;
  SharedFrames<ContentHash> shared_;
  boost::unordered_flat_map<ContentHash, Page> candidates_;
};

}  // namespace brim::share::model
