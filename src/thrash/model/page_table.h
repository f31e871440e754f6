// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the hardware keeps of the pages of one memory: a referenced and a modified bit each; and a
// clock. Whoever drives a policy (replay.h a trace) sets the bits as pages are used; a policy reads
// them, clears the referenced bit, and may have a page written back ahead of its eviction.
//
// Time is counted in references where a trace is replayed, in nanoseconds on a simulated machine.

#include "base/fetch_ahead.h"
#include "base/huge_pages.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace brim::thrash::model {

// Of one memory: 0, 1, 2 ... in the order of their first references.
using PageNumber = std::uint32_t;
inline constexpr PageNumber kNoPage = UINT32_MAX;

enum class Access : std::uint8_t { read, write };

class PageTable {
 public:
  explicit PageTable(std::size_t pages) : bits_(pages) {}

  [[nodiscard]] std::size_t size() const { return bits_.size(); }

  [[nodiscard]] bool referenced(PageNumber page) const { return (bits_[page] & kReferenced) != 0; }
  void set_referenced(PageNumber page) { bits_[page] |= kReferenced; }
  void clear_referenced(PageNumber page) {
    ++clears_;
    if ((bits_[page] & kWatched) != 0) cleared_->push_back(page);
    bits_[page] &= static_cast<Bits>(~(kReferenced | kWatched));
  }

  [[nodiscard]] bool modified(PageNumber page) const { return (bits_[page] & kModified) != 0; }
  void note(PageNumber page, Access access) {
    if (access == Access::write) bits_[page] |= kModified;
  }
  // Its content goes to the swap device, if it is not there already.
  void write_back(PageNumber page) {
    writebacks_ += (bits_[page] & kModified) != 0 ? 1 : 0;
    bits_[page] &= static_cast<Bits>(~kModified);
    ++clears_;
    if (cleared_ != nullptr) cleared_->push_back(page);
  }
  [[nodiscard]] std::uint64_t writebacks() const { return writebacks_; }

  // For a driver that need not look at references to pages that have both bits: from now on pages
  // that are written back are put there too, and watched ones whose referenced bit is cleared. It
  // must outlive the table; null: nowhere.
  void list_cleared(std::vector<PageNumber>* cleared) { cleared_ = cleared; }
  // Until its referenced bit is cleared. Only where cleared pages are listed.
  void watch(PageNumber page) { bits_[page] |= kWatched; }
  // Bits that were cleared so far, set or not.
  [[nodiscard]] std::uint64_t clears() const { return clears_; }

  // Of the reference that is being made: the first has 1.
  [[nodiscard]] std::uint64_t now() const { return now_; }
  void advance(std::uint64_t by = 1) { now_ += by; }

  // For speed alone.
  void prefetch(PageNumber page) const { fetch_ahead(&bits_[page]); }
  // Likewise: a policy will clear a bit of the page before long, or choose it.
  void will_look_at(PageNumber page) {
    prefetch(page);
    coming_[coming_count_++ % coming_.size()] = page;
  }
  // Such pages since the last call, or the last of them, for a driver that keeps more of each page
  // than bits.
  [[nodiscard]] std::span<const PageNumber> take_coming() {
    const std::size_t count = std::min(std::exchange(coming_count_, 0), coming_.size());
    return std::span(coming_).first(count);
  }

  // Whether pages come back through a swap cache; else straight from memory that is read at once.
  [[nodiscard]] bool swap_cached() const { return swap_cached_; }
  void set_swap_cached(bool cached) { swap_cached_ = cached; }

  // A policy has found no page to take, as a kernel does before it kills (linux-group); it chooses
  // one all the same.
  void gave_up() { gave_up_ = true; }
  // Since the last call.
  [[nodiscard]] bool take_gave_up() { return std::exchange(gave_up_, false); }

  // A policy looked at a page, cleared nothing, and did not choose it: work as well, for a driver
  // that reckons with it. LIMIT: policies of kernels say so where their scans do that (lau,
  // two-handed-clock); others (aging, nru, wsclock) don't.
  void looked_at() { ++looks_; }
  // Since the last call.
  [[nodiscard]] std::uint64_t take_looks() { return std::exchange(looks_, 0); }

 private:
  using Bits = std::uint8_t;
  static constexpr Bits kReferenced = 1;
  static constexpr Bits kModified = 2;
  static constexpr Bits kWatched = 4;  // no hardware's

  std::vector<Bits, HugePageAllocator<Bits>> bits_;
  std::vector<PageNumber>* cleared_ = nullptr;
  std::uint64_t clears_ = 0;
  std::array<PageNumber, 16> coming_{};
  std::size_t coming_count_ = 0;
  std::uint64_t writebacks_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t looks_ = 0;
  bool gave_up_ = false;
  bool swap_cached_ = false;
};

}  // namespace brim::thrash::model
