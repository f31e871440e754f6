// SPDX-License-Identifier: Apache-2.0
#pragma once
// The memory of a simulated host's guests: what each page holds, and the frame behind it.
//
// A page is untouched (no frame; reads as zeros), on a frame of its own, on a shared frame, on the
// kernel's zero frame, which costs nothing, or stored: as a patch against a shared frame, or
// compressed. Shared frames are read-only: a write gives the page a frame of its own, whatever is
// written. So does any access to a stored page. Invariants, which tests hold every mechanism to:
//   present pages = own frames + pages on shared frames + pages on the zero frame + stored pages
//   all pages of a shared frame have its content
//   a shared frame stays as long as pages or patches stand on it
// Pages are numbered over all guests, from 0; at most 2^32 - 1 (16 TiB). Not thread-safe.

#include "base/result.h"
#include "base/units.h"
#include "share/model/content.h"

#include <cstdint>
#include <vector>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::share::model {

using Page = std::uint32_t;
using Frame = std::uint32_t;

inline constexpr Frame kNoFrame = 0;
inline constexpr Frame kOwnFrame = 1;
inline constexpr Frame kZeroFrame = 2;
inline constexpr Frame kPatched = 3;     // none: bytes, and the reference they are a patch against
inline constexpr Frame kCompressed = 4;  // none: bytes
inline constexpr Frame kFirstShared = 5;

// What the guest keeps in a page, as far as a hypervisor can tell from its page tables.
enum class PageUse : std::uint8_t { data, read_only, code };

class SimulatedMemory {
 public:
  struct Range {
    Page first = 0;
    Page end = 0;
  };

  // Untouched pages.
  Range add_guest(Pages count);
  [[nodiscard]] Page page_count() const { return static_cast<Page>(pages_.size()); }

  [[nodiscard]] Content content(Page page) const { return pages_[page].content; }
  [[nodiscard]] Frame frame(Page page) const { return pages_[page].frame; }
  [[nodiscard]] bool present(Page page) const { return frame(page) != kNoFrame; }
  [[nodiscard]] bool stored(Page page) const {
    return frame(page) == kPatched || frame(page) == kCompressed;
  }

  void write(Page page, Content content) {
    State& state = pages_[page];
    state.content = content;
    state.written = true;
    state.accessed = true;
    if (state.frame != kOwnFrame) [[unlikely]]
      leave_frame(page);
  }
  // A read.
  void touch(Page page) {
    pages_[page].accessed = true;
    if (stored(page)) [[unlikely]]
      leave_frame(page);
  }
  // The guest gives the page back: a balloon, or a process that ends.
  void release(Page page);

  // As a page table's dirty and accessed bits: set by the guest, read and cleared by a mechanism.
  [[nodiscard]] bool written(Page page) const { return pages_[page].written; }
  [[nodiscard]] bool accessed(Page page) const { return pages_[page].accessed; }
  void clear_written(Page page) { pages_[page].written = false; }
  void clear_accessed(Page page) { pages_[page].accessed = false; }
  [[nodiscard]] PageUse use(Page page) const { return pages_[page].use; }
  void set_use(Page page, PageUse use) { pages_[page].use = use; }

  // For speed alone: the page is about to be looked at.
  void prefetch(Page page) const { __builtin_prefetch(&pages_[page]); }

  // The page's own frame becomes a shared one, read-only, that others can join.
  Frame share(Page page);
  // Whatever the mechanism knows a shared frame by.
  void set_owner(Frame frame, std::uint32_t owner) { shared_[frame - kFirstShared].owner = owner; }
  // The page's own frame is freed. A content other than the frame's is a bug.
  void join(Page page, Frame frame);
  void join_zero_frame(Page page);
  // The page's own frame is freed for fewer bytes than a page's.
  void store_patch(Page page, Frame reference, Bytes bytes);
  void store_compressed(Page page, Bytes bytes);
  // Of a page stored as a patch.
  [[nodiscard]] Frame reference(Page page) const { return stored_.at(page).reference; }

  // Of a shared frame. One that the last page and patch have left does not exist any more, and its
  // number is given again.
  [[nodiscard]] bool exists(Frame frame, std::uint32_t owner) const {
    const Shared& shared = shared_[frame - kFirstShared];
    return shared.pages + shared.patches > 0 && shared.owner == owner;
  }
  [[nodiscard]] std::uint32_t pages_on(Frame frame) const {
    return shared_[frame - kFirstShared].pages;
  }
  [[nodiscard]] std::uint32_t patches_on(Frame frame) const {
    return shared_[frame - kFirstShared].patches;
  }
  [[nodiscard]] Content content_of(Frame frame) const {
    return shared_[frame - kFirstShared].content;
  }

  struct Totals {
    std::uint64_t own_frames = 0;
    std::uint64_t shared_frames = 0;
    std::uint64_t pages_on_shared_frames = 0;
    std::uint64_t pages_on_zero_frame = 0;
    std::uint64_t patched_pages = 0;
    std::uint64_t compressed_pages = 0;
    std::uint64_t stored_bytes = 0;  // of patches and of compressed pages
    // So far:
    std::uint64_t copies_on_write = 0;
    std::uint64_t shared_frames_freed = 0;
    std::uint64_t patched_restored = 0;     // by an access
    std::uint64_t compressed_restored = 0;  // by an access

    bool operator==(const Totals&) const = default;

    [[nodiscard]] std::uint64_t present_pages() const {
      return own_frames + pages_on_shared_frames + pages_on_zero_frame + patched_pages +
             compressed_pages;
    }
    [[nodiscard]] std::uint64_t frames() const { return own_frames + shared_frames; }
    // Frames that are not needed; for patches and compressed pages part of them is (used()).
    [[nodiscard]] std::uint64_t saved_pages() const { return present_pages() - frames(); }
    [[nodiscard]] Bytes used() const { return bytes_of(Pages(frames())) + Bytes(stored_bytes); }
  };
  [[nodiscard]] const Totals& totals() const { return totals_; }

 private:
  // All there is to a page side by side: a write at random costs one cache line.
  struct State {
    Content content = kZeroContent;
    Frame frame = kNoFrame;
    bool written = false;
    bool accessed = false;
    PageUse use = PageUse::data;
  };
  struct Shared {
    Content content = kZeroContent;
    std::uint32_t pages = 0;
    std::uint32_t patches = 0;  // that stand on it; without those and pages it is free
    std::uint32_t owner = 0;
  };
  struct Stored {
    Frame reference = kNoFrame;
    std::uint32_t bytes = 0;
  };
  // To a frame of its own; counted as a copy on write, or as restored, where there was anything.
  void leave_frame(Page page);
  void leave_shared(Page page);
  void drop_stored(Page page);
  void free_if_left(Frame frame);

  std::vector<State> pages_;
  std::vector<Shared> shared_;  // by frame - kFirstShared
  std::vector<Frame> free_;
  boost::unordered_flat_map<Page, Stored> stored_;
  Totals totals_;
};

}  // namespace brim::share::model
