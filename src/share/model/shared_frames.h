// SPDX-License-Identifier: Apache-2.0
#pragma once
// A mechanism's table of shared frames by a key (a hash of the content, a disk block), without
// those that all pages and patches have left. One frame a key; at most as many entries as frames
// were ever shared at a time. Never iterated.

#include "share/model/memory.h"

#include <cstdint>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

// Of 64 bits: unequal contents have unequal ones.
enum class ContentHash : std::uint64_t {};
[[nodiscard]] constexpr ContentHash content_hash(Content content) {
  return ContentHash{byte_order(content)};
}

template <class Key>
class SharedFrames {
 public:
  // `memory` must outlive it; no other owner of shared frames may be in it.
  explicit SharedFrames(SimulatedMemory& memory) : memory_(memory) {}

  // kNoFrame where there is none.
  [[nodiscard]] Frame find(Key key) const {
    const auto at = frames_.find(key);
    if (at == frames_.end() || !memory_.exists(at->second.frame, at->second.owner)) return kNoFrame;
    return at->second.frame;
  }

  // The page's own frame becomes the shared one of this key.
  Frame share(Page page, Key key) {
    const Frame frame = memory_.share(page);
    memory_.set_owner(frame, ++owner_);
    forget_earlier_use(frame);
    keys_[frame - kFirstShared] = key;
    frames_[key] = {frame, owner_};
    return frame;
  }

 private:
  struct Entry {
    Frame frame = kNoFrame;
    std::uint32_t owner = 0;  // counts uses of frame numbers
  };

  // The number had another key before all pages left it.
  void forget_earlier_use(Frame frame) {
    if (frame - kFirstShared >= keys_.size()) keys_.resize(frame - kFirstShared + 1);
    const auto earlier = frames_.find(keys_[frame - kFirstShared]);
    if (earlier != frames_.end() && earlier->second.frame == frame) frames_.erase(earlier);
  }

  SimulatedMemory& memory_;
  boost::unordered_flat_map<Key, Entry> frames_;
  std::vector<Key> keys_;  // by frame - kFirstShared
  std::uint32_t owner_ = 0;
};

}  // namespace brim::share::model
