// SPDX-License-Identifier: Apache-2.0
#pragma once
// Frames in a circle, and the pages in them: what clocks have their hands on. A frame that a page
// has left is taken by the next page that comes; a circle grows only where no frame is empty.

#include "thrash/model/page_table.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

class FrameCircle {
 public:
  // `frames` are as many as are expected.
  FrameCircle(std::size_t pages, std::size_t frames) : frame_(pages) { pages_.reserve(frames); }

  [[nodiscard]] std::size_t size() const { return pages_.size(); }
  // kNoPage: the frame is empty.
  [[nodiscard]] PageNumber page(std::size_t frame) const { return pages_[frame]; }
  // Of a page that is in one.
  [[nodiscard]] std::size_t frame(PageNumber page) const { return frame_[page]; }
  [[nodiscard]] std::size_t after(std::size_t frame) const {
    return frame + 1 < pages_.size() ? frame + 1 : 0;
  }

  // For speed alone: the page a few frames on, if any.
  [[nodiscard]] PageNumber coming(std::size_t frame) const {
    constexpr std::size_t kAhead = 12;
    return frame + kAhead < pages_.size() ? pages_[frame + kAhead] : kNoPage;
  }

  // The frame that was vacated last, where there are several.
  std::size_t place(PageNumber page) {
    if (empty_.empty()) {
      empty_.push_back(static_cast<std::uint32_t>(pages_.size()));
      pages_.push_back(kNoPage);
    }
    const std::uint32_t frame = empty_.back();
    empty_.pop_back();
    pages_[frame] = page;
    frame_[page] = frame;
    return frame;
  }
  void vacate(std::size_t frame) {
    pages_[frame] = kNoPage;
    empty_.push_back(static_cast<std::uint32_t>(frame));
  }

 private:
  std::vector<PageNumber> pages_;     // by frame
  std::vector<std::uint32_t> frame_;  // by page
  std::vector<std::uint32_t> empty_;  // frames
};

}  // namespace brim::thrash::model
