// SPDX-License-Identifier: Apache-2.0
#pragma once
// A sequence of references to pages, ready to be replayed any number of times: page numbers are
// dense, by first reference, so that policies keep what they know in plain arrays. 4 bytes a
// reference.

#include "base/huge_pages.h"
#include "thrash/model/page_table.h"

#include <cstdint>
#include <span>
#include <vector>

namespace brim::thrash::model {

class Reference {
 public:
  Reference() = default;
  Reference(PageNumber page, Access access)
      : packed_((page << 1) | (access == Access::write ? 1U : 0U)) {}

  [[nodiscard]] PageNumber page() const { return packed_ >> 1; }
  [[nodiscard]] Access access() const { return (packed_ & 1) != 0 ? Access::write : Access::read; }

 private:
  std::uint32_t packed_ = 0;
};

struct PageTrace {
  std::vector<Reference, HugePageAllocator<Reference>> references;
  std::size_t pages = 0;  // all numbers are below
};

}  // namespace brim::thrash::model
