// SPDX-License-Identifier: Apache-2.0
#pragma once
// Dense numbers for pages whose own numbers may be anything: 0, 1, 2 ... in the order of their
// first references. Memory: 16 bytes a page, over a load of at most 7/8.

#include "thrash/model/page_table.h"

#include <cstdint>
#include <span>

#include <boost/unordered/unordered_flat_map.hpp>

namespace brim::thrash::model {

class PageNumbering {
 public:
  // The number of a page, a new one if it has none.
  PageNumber number(std::uint64_t page) {
    return numbers_.try_emplace(page, static_cast<PageNumber>(numbers_.size())).first->second;
  }
  [[nodiscard]] std::size_t size() const { return numbers_.size(); }

 private:
  boost::unordered_flat_map<std::uint64_t, PageNumber> numbers_;
};

}  // namespace brim::thrash::model
