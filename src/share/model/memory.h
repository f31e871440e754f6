// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of a simulated host's guests: what each page holds, and the frame behind it.
//
// A page is untouched (no frame; reads as zeros), on a frame of its own, on a shared frame, or on
// the kernel's zero frame, which costs nothing. Shared frames are read-only: a write gives the page
// a frame of its own, whatever is written. Invariants, which tests hold every mechanism to:
//   present pages = own frames + pages on shared frames + pages on the zero frame
//   all pages of a shared frame have its content
// Pages are numbered over all guests, from 0; at most 2^32 - 1 (16 TiB). Not thread-safe.

#include "base/result.h"
#include "base/units.h"
#include "share/model/content.h"

#include <cstdint>
#include <vector>

namespace brim::share::model {

using Page = std::uint32_t;
using Frame = std::uint32_t;

inline constexpr Frame kNoFrame = 0;
inline constexpr Frame kOwnFrame = 1;
inline constexpr Frame kZeroFrame = 2;
inline constexpr Frame kFirstShared = 3;

class SimulatedMemory {
 public:
  struct Range {
    Page first = 0;
    Page end = 0;
  };

  // Untouched pages.
  Range add_guest(Pages count);
  [[nodiscard]] Page page_count() const { return static_cast<Page>(contents_.size()); }

  [[nodiscard]] Content content(Page page) const { return contents_[page]; }
  [[nodiscard]] Frame frame(Page page) const { return frames_[page]; }
  [[nodiscard]] bool present(Page page) const { return frames_[page] != kNoFrame; }

  void write(Page page, Content content) {
    contents_[page] = content;
    if (frames_[page] != kOwnFrame) [[unlikely]]
      leave_frame(page);
  }
  // The guest gives the page back: a balloon, or a process that ends.
  void release(Page page);

  // The page's own frame becomes a shared one, read-only, that others can join.
  Frame share(Page page);
  // Whatever the mechanism knows a shared frame by.
  void set_owner(Frame frame, std::uint32_t owner) { shared_[frame - kFirstShared].owner = owner; }
  // The page's own frame is freed. A content other than the frame's is a bug.
  void join(Page page, Frame frame);
  void join_zero_frame(Page page);

  // Of a shared frame. One that the last page has left does not exist any more, and its number is
  // given again.
  [[nodiscard]] bool exists(Frame frame, std::uint32_t owner) const {
    const Shared& shared = shared_[frame - kFirstShared];
    return shared.pages > 0 && shared.owner == owner;
  }
  [[nodiscard]] std::uint32_t pages_on(Frame frame) const {
    return shared_[frame - kFirstShared].pages;
  }

  struct Totals {
    std::uint64_t own_frames = 0;
    std::uint64_t shared_frames = 0;
    std::uint64_t pages_on_shared_frames = 0;
    std::uint64_t pages_on_zero_frame = 0;
    std::uint64_t copies_on_write = 0;  // so far

    [[nodiscard]] std::uint64_t present_pages() const {
      return own_frames + pages_on_shared_frames + pages_on_zero_frame;
    }
    [[nodiscard]] std::uint64_t frames() const { return own_frames + shared_frames; }
    [[nodiscard]] std::uint64_t saved_pages() const { return present_pages() - frames(); }
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  struct Shared {
    Content content = kZeroContent;
    std::uint32_t pages = 0;  // 0: free
    std::uint32_t owner = 0;
  };
  // To a frame of its own; counted as a copy on write where there was a frame.
  void leave_frame(Page page);
  void leave_shared(Page page);

  std::vector<Content> contents_;
  std::vector<Frame> frames_;
  std::vector<Shared> shared_;  // by frame - kFirstShared
  std::vector<Frame> free_;
  Totals totals_;
};

}  // namespace brim::share::model
