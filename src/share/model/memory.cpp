// SPDX-License-Identifier: Apache-2.0
#include "share/model/memory.h"

#include <limits>

namespace brim::share::model {

SimulatedMemory::Range SimulatedMemory::add_guest(Pages count) {
  BRIM_ASSERT(count.count() <= std::numeric_limits<Page>::max() - contents_.size());
  const Page first = page_count();
  contents_.resize(first + count.count(), kZeroContent);
  frames_.resize(contents_.size(), kNoFrame);
  return {first, page_count()};
}

void SimulatedMemory::leave_shared(Page page) {
  Shared& shared = shared_[frames_[page] - kFirstShared];
  --totals_.pages_on_shared_frames;
  if (--shared.pages > 0) return;
  --totals_.shared_frames;
  free_.push_back(frames_[page]);
}

void SimulatedMemory::leave_frame(Page page) {
  if (frames_[page] == kZeroFrame)
    --totals_.pages_on_zero_frame;
  else if (frames_[page] != kNoFrame)
    leave_shared(page);
  if (frames_[page] != kNoFrame) ++totals_.copies_on_write;
  frames_[page] = kOwnFrame;
  ++totals_.own_frames;
}

void SimulatedMemory::release(Page page) {
  switch (frames_[page]) {
    case kNoFrame:
      return;
    case kOwnFrame:
      --totals_.own_frames;
      break;
    case kZeroFrame:
      --totals_.pages_on_zero_frame;
      break;
    default:
      leave_shared(page);
  }
  frames_[page] = kNoFrame;
  contents_[page] = kZeroContent;
}

Frame SimulatedMemory::share(Page page) {
  BRIM_ASSERT(frames_[page] == kOwnFrame);
  if (free_.empty()) {
    free_.push_back(static_cast<Frame>(shared_.size()) + kFirstShared);
    shared_.emplace_back();
  }
  const Frame frame = free_.back();
  free_.pop_back();
  shared_[frame - kFirstShared] = {contents_[page], 1, 0};
  frames_[page] = frame;
  --totals_.own_frames;
  ++totals_.shared_frames;
  ++totals_.pages_on_shared_frames;
  return frame;
}

void SimulatedMemory::join(Page page, Frame frame) {
  Shared& shared = shared_[frame - kFirstShared];
  BRIM_ASSERT(frames_[page] == kOwnFrame && shared.pages > 0);
  BRIM_ASSERT(shared.content == contents_[page]);
  ++shared.pages;
  frames_[page] = frame;
  --totals_.own_frames;
  ++totals_.pages_on_shared_frames;
}

void SimulatedMemory::join_zero_frame(Page page) {
  BRIM_ASSERT(frames_[page] == kOwnFrame && contents_[page] == kZeroContent);
  frames_[page] = kZeroFrame;
  --totals_.own_frames;
  ++totals_.pages_on_zero_frame;
}

}  // namespace brim::share::model
