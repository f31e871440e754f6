// SPDX-License-Identifier: Apache-2.0
#pragma once
// Settled pages with room of their own, for tests.

#include "thrash/model/settled_pages.h"

#include <cstdint>
#include <vector>

namespace brim::thrash::model::test {

struct SettledRoom {
  explicit SettledRoom(std::uint32_t pages) : order(pages), place(pages) {}

  std::vector<std::uint32_t> order;
  std::vector<std::uint32_t> place;
};

class OwnSettledPages : private SettledRoom, public SettledPages {
 public:
  explicit OwnSettledPages(std::uint32_t pages) : SettledRoom(pages), SettledPages(order, place) {}
  OwnSettledPages(const OwnSettledPages&) = delete;
  OwnSettledPages& operator=(const OwnSettledPages&) = delete;
};

}  // namespace brim::thrash::model::test
