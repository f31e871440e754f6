// SPDX-License-Identifier: Apache-2.0
#pragma once
// Holds the next references that a trace records against those that come. 8 bytes a page.
//
// LIMIT: of traces with fewer than kMostReferences.

#include "base/huge_pages.h"
#include "thrash/model/page_table.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace brim::thrash::model {

class NextCheck {
 public:
  static constexpr std::uint64_t kMostReferences = UINT32_MAX - 2;

  // The reference of this number (from 0) is to `page` and records when the next one is. False
  // where what the page's last reference recorded is not so, in any of the ways of counting left.
  bool reference(std::uint64_t number, PageNumber page, std::int64_t next) {
    if (page == said_.size())
      said_.push_back({});
    else if (!agrees(said_[page], number))
      return false;
    said_[page] = {static_cast<std::uint32_t>(number), packed(next)};
    return true;
  }

  // For speed alone.
  void prefetch(PageNumber page) const {
    if (page < said_.size()) __builtin_prefetch(&said_[page], 1);
  }

  // A reference whose next one should have come before the end, if there is any.
  [[nodiscard]] std::optional<std::uint64_t> missing(std::uint64_t references) const {
    for (const Said& said : said_) {
      if (said.next == kNone || said.next == kFarAway) continue;
      bool may_follow = false;
      for (std::size_t way = 0; way < kWays; ++way)
        may_follow |= possible_[way] && next_of(said, way) >= references;
      if (!may_follow) return said.number;
    }
    return std::nullopt;
  }

 private:
  // As a number counted from 0, from 1, or as a distance.
  static constexpr std::size_t kWays = 3;
  static constexpr std::uint32_t kNone = UINT32_MAX;
  static constexpr std::uint32_t kFarAway = UINT32_MAX - 1;  // beyond any reference

  struct Said {
    std::uint32_t number = 0;
    std::uint32_t next = kNone;
  };

  // libCacheSim has -1 or the largest number for none.
  static std::uint32_t packed(std::int64_t next) {
    if (next < 0 || next == std::numeric_limits<std::int64_t>::max()) return kNone;
    return next < kFarAway ? static_cast<std::uint32_t>(next) : kFarAway;
  }

  static std::uint64_t next_of(const Said& said, std::size_t way) {
    const std::uint64_t next = said.next;
    return way == 0 ? next : way == 1 ? next - 1 : next + said.number;
  }

  bool agrees(const Said& said, std::uint64_t number) {
    if (said.next == kNone || said.next == kFarAway) return false;
    if (only_ < kWays) return next_of(said, only_) == number;
    std::size_t left = 0;
    for (std::size_t way = 0; way < kWays; ++way) {
      possible_[way] = possible_[way] && next_of(said, way) == number;
      if (!possible_[way]) continue;
      ++left;
      only_ = way;
    }
    if (left > 1) only_ = kWays;
    return left > 0;
  }

  std::vector<Said, HugePageAllocator<Said>> said_;  // by page: at its last reference
  std::array<bool, kWays> possible_ = {true, true, true};
  std::size_t only_ = kWays;  // the one that is left
};

}  // namespace brim::thrash::model
