// SPDX-License-Identifier: Apache-2.0
#include "share/model/memory.h"

#include <limits>

namespace brim::share::model {

SimulatedMemory::Range SimulatedMemory::add_guest(Pages count) {
  BRIM_ASSERT(count.count() <= std::numeric_limits<Page>::max() - pages_.size());
  const Page first = page_count();
  pages_.resize(first + count.count());
  return {first, page_count()};
}

void SimulatedMemory::free_if_left(Frame frame) {
  const Shared& shared = shared_[frame - kFirstShared];
  if (shared.pages + shared.patches > 0) return;
  --totals_.shared_frames;
  ++totals_.shared_frames_freed;
  free_.push_back(frame);
}

void SimulatedMemory::leave_shared(Page page) {
  const Frame frame = pages_[page].frame;
  --totals_.pages_on_shared_frames;
  --shared_[frame - kFirstShared].pages;
  free_if_left(frame);
}

void SimulatedMemory::drop_stored(Page page) {
  const auto at = stored_.find(page);
  const Stored stored = at->second;
  stored_.erase(at);
  totals_.stored_bytes -= stored.bytes;
  if (pages_[page].frame == kCompressed) {
    --totals_.compressed_pages;
    return;
  }
  --totals_.patched_pages;
  --shared_[stored.reference - kFirstShared].patches;
  free_if_left(stored.reference);
}

void SimulatedMemory::leave_frame(Page page) {
  switch (pages_[page].frame) {
    case kNoFrame:
      break;
    case kZeroFrame:
      --totals_.pages_on_zero_frame;
      ++totals_.copies_on_write;
      break;
    case kPatched:
      drop_stored(page);
      ++totals_.patched_restored;
      break;
    case kCompressed:
      drop_stored(page);
      ++totals_.compressed_restored;
      break;
    default:
      leave_shared(page);
      ++totals_.copies_on_write;
  }
  pages_[page].frame = kOwnFrame;
  ++totals_.own_frames;
}

void SimulatedMemory::release(Page page) {
  switch (pages_[page].frame) {
    case kNoFrame:
      return;
    case kOwnFrame:
      --totals_.own_frames;
      break;
    case kZeroFrame:
      --totals_.pages_on_zero_frame;
      break;
    case kPatched:
    case kCompressed:
      drop_stored(page);
      break;
    default:
      leave_shared(page);
  }
  pages_[page] = {};
}

Frame SimulatedMemory::share(Page page) {
  BRIM_ASSERT(pages_[page].frame == kOwnFrame);
  if (free_.empty()) {
    free_.push_back(static_cast<Frame>(shared_.size()) + kFirstShared);
    shared_.emplace_back();
  }
  const Frame frame = free_.back();
  free_.pop_back();
  shared_[frame - kFirstShared] = {.content = pages_[page].content, .pages = 1};
  pages_[page].frame = frame;
  --totals_.own_frames;
  ++totals_.shared_frames;
  ++totals_.pages_on_shared_frames;
  return frame;
}

void SimulatedMemory::join(Page page, Frame frame) {
  Shared& shared = shared_[frame - kFirstShared];
  BRIM_ASSERT(pages_[page].frame == kOwnFrame && shared.pages + shared.patches > 0);
  BRIM_ASSERT(shared.content == pages_[page].content);
  ++shared.pages;
  pages_[page].frame = frame;
  --totals_.own_frames;
  ++totals_.pages_on_shared_frames;
}

void SimulatedMemory::join_zero_frame(Page page) {
  BRIM_ASSERT(pages_[page].frame == kOwnFrame && pages_[page].content == kZeroContent);
  pages_[page].frame = kZeroFrame;
  --totals_.own_frames;
  ++totals_.pages_on_zero_frame;
}

void SimulatedMemory::store_patch(Page page, Frame reference, Bytes bytes) {
  Shared& shared = shared_[reference - kFirstShared];
  BRIM_ASSERT(pages_[page].frame == kOwnFrame && shared.pages + shared.patches > 0);
  BRIM_ASSERT(bytes.count() < kPageSize);
  ++shared.patches;
  stored_[page] = {reference, static_cast<std::uint32_t>(bytes.count())};
  pages_[page].frame = kPatched;
  totals_.stored_bytes += bytes.count();
  --totals_.own_frames;
  ++totals_.patched_pages;
}

void SimulatedMemory::store_compressed(Page page, Bytes bytes) {
  BRIM_ASSERT(pages_[page].frame == kOwnFrame && bytes.count() < kPageSize);
  stored_[page] = {kNoFrame, static_cast<std::uint32_t>(bytes.count())};
  pages_[page].frame = kCompressed;
  totals_.stored_bytes += bytes.count();
  --totals_.own_frames;
  ++totals_.compressed_pages;
}

}  // namespace brim::share::model
