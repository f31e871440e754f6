// SPDX-License-Identifier: Apache-2.0
#include "share/model/file_cache.h"

namespace brim::share::model {

void FileCache::read_from_disk(Page page, Block block) {
  if (!common_(block) || memory_.frame(page) != kOwnFrame) return;
  ++work_.lookups;
  ++work_.merges;
  const Frame frame = cache_.find(block);
  // A file that was replaced has other contents in the same blocks.
  if (frame == kNoFrame || memory_.content_of(frame) != memory_.content(page))
    cache_.share(page, block);
  else
    memory_.join(page, frame);
}

}  // namespace brim::share::model
