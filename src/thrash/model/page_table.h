// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the hardware keeps of the pages of one memory: a referenced and a modified bit each; and a
// clock. Whoever drives a policy (replay.h a trace) sets the bits as pages are used; a policy reads
// them, clears the referenced bit, and may have a page written back ahead of its eviction.
//
// Time is counted in references where a trace is replayed, in nanoseconds on a simulated machine.

#include <cstddef>
#include <cstdint>
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
    bits_[page] &= static_cast<Bits>(~kReferenced);
    if (cleared_ != nullptr) cleared_->push_back(page);
  }

  [[nodiscard]] bool modified(PageNumber page) const { return (bits_[page] & kModified) != 0; }
  void note(PageNumber page, Access access) {
    if (access == Access::write) bits_[page] |= kModified;
  }
  // Its content goes to the swap device, if it is not there already.
  void write_back(PageNumber page) {
    writebacks_ += (bits_[page] & kModified) != 0 ? 1 : 0;
    bits_[page] &= static_cast<Bits>(~kModified);
    if (cleared_ != nullptr) cleared_->push_back(page);
  }
  [[nodiscard]] std::uint64_t writebacks() const { return writebacks_; }

  // From now on pages of which a bit is cleared are put there too, for a driver that need not look
  // at references to pages that have both. It must outlive the table; null: nowhere.
  void list_cleared(std::vector<PageNumber>* cleared) { cleared_ = cleared; }

  // Of the reference that is being made: the first has 1.
  [[nodiscard]] std::uint64_t now() const { return now_; }
  void advance(std::uint64_t by = 1) { now_ += by; }

  // For speed alone.
  void prefetch(PageNumber page) const { __builtin_prefetch(&bits_[page], 1); }

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

  std::vector<Bits> bits_;
  std::vector<PageNumber>* cleared_ = nullptr;
  std::uint64_t writebacks_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace brim::thrash::model
