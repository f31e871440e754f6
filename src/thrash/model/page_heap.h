// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pages by a key each, the least key first: a binary heap that knows the place of each page. All
// but looking at the first takes time in proportion to the logarithm of the pages in it.

#include "base/result.h"
#include "thrash/model/page_table.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

template <class Key>
class PageHeap {
 public:
  struct Entry {
    Key key;
    PageNumber page;
  };

  explicit PageHeap(std::size_t pages) : place_(pages) {}

  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] const Entry& first() const {
    BRIM_ASSERT(!entries_.empty());
    return entries_.front();
  }

  // `page` must not be in it.
  void push(PageNumber page, const Key& key) {
    entries_.push_back({key, page});
    rise(entries_.size() - 1);
  }
  // `key` must not be less than the one it has.
  void raise_first(const Key& key) {
    entries_.front().key = key;
    sink(0);
  }
  // `page` must be in it.
  void remove(PageNumber page) {
    const std::size_t hole = place_[page];
    const Entry moved = entries_.back();
    entries_.pop_back();
    if (hole == entries_.size()) return;
    set(hole, moved);
    sink(hole);
    rise(place_[moved.page]);
  }

 private:
  static constexpr std::size_t kChildren = 4;

  void set(std::size_t place, const Entry& entry) {
    entries_[place] = entry;
    place_[entry.page] = static_cast<std::uint32_t>(place);
  }
  void rise(std::size_t place) {
    const Entry entry = entries_[place];
    while (place > 0) {
      const std::size_t parent = (place - 1) / kChildren;
      if (!(entry.key < entries_[parent].key)) break;
      set(place, entries_[parent]);
      place = parent;
    }
    set(place, entry);
  }
  void sink(std::size_t place) {
    const Entry entry = entries_[place];
    for (;;) {
      const std::size_t first = kChildren * place + 1;
      if (first >= entries_.size()) break;
      const std::size_t end = std::min(first + kChildren, entries_.size());
      std::size_t least = first;
      for (std::size_t child = first + 1; child < end; ++child)
        if (entries_[child].key < entries_[least].key) least = child;
      if (!(entries_[least].key < entry.key)) break;
      set(place, entries_[least]);
      place = least;
    }
    set(place, entry);
  }

  std::vector<Entry> entries_;
  std::vector<std::uint32_t> place_;  // by page, of those in it
};

}  // namespace brim::thrash::model
