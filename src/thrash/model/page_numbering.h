// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dense numbers for pages whose own numbers may be anything: 0, 1, 2 ... in the order of their
// first references.
//
// A hash table with open addressing, as most of the time goes to waiting for memory and the place
// of each page can be asked for some references ahead: 12 ns a reference, where
// boost::unordered_flat_map takes (10 million references, Zipf 1.0, a million pages: 12 ns and 24
// ns). Memory: 32 to 64 bytes a page.

#include "base/huge_pages.h"
#include "thrash/model/page_table.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace brim::thrash::model {

class PageNumbering {
 public:
  [[nodiscard]] std::size_t size() const { return size_; }

  // numbers[i] becomes that of pages[i]; as many of both.
  void number(std::span<const std::uint64_t> pages, std::span<PageNumber> numbers) {
    constexpr std::size_t kAhead = 16;
    for (std::size_t i = 0; i < pages.size(); ++i) {
      if (i + kAhead < pages.size()) __builtin_prefetch(&slots_[home(pages[i + kAhead])]);
      numbers[i] = number(pages[i]);
    }
  }

 private:
  struct Slot {
    std::uint64_t page = 0;
    PageNumber number = kNoPage;
  };

  using Slots = std::vector<Slot, HugePageAllocator<Slot>>;

  // Fibonacci hashing (Knuth, "The Art of Computer Programming", volume 3, 6.4).
  [[nodiscard]] std::size_t home(std::uint64_t page) const {
    return static_cast<std::size_t>((page * 0x9e3779b97f4a7c15ULL) >> shift_);
  }
  // Where the page is, or would be.
  [[nodiscard]] Slot& slot_of(std::uint64_t page) {
    std::size_t at = home(page);
    while (slots_[at].number != kNoPage && slots_[at].page != page)
      at = (at + 1) & (slots_.size() - 1);
    return slots_[at];
  }
  PageNumber number(std::uint64_t page) {
    Slot& slot = slot_of(page);
    if (slot.number != kNoPage) return slot.number;
    const auto number = static_cast<PageNumber>(size_++);
    slot = {page, number};
    if (size_ * 2 > slots_.size()) grow();
    return number;
  }
  void grow() {
    const Slots old = std::exchange(slots_, Slots(2 * slots_.size()));
    --shift_;
    for (const Slot& slot : old)
      if (slot.number != kNoPage) slot_of(slot.page) = slot;
  }

  int shift_ = 48;  // leaves the number of a slot
  Slots slots_ = Slots(std::size_t{1} << 16);
  std::size_t size_ = 0;
};

}  // namespace brim::thrash::model
