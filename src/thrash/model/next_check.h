// SPDX-License-Identifier: Apache-2.0
#pragma once
// Holds the next references that a trace records against those that come.

#include "thrash/model/page_table.h"

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

namespace brim::thrash::model {

class NextCheck {
 public:
  // As libCacheSim has them: none.
  static bool none(std::int64_t next) {
    return next < 0 || next == std::numeric_limits<std::int64_t>::max();
  }

  // The reference of this number (from 0) is to `page` and says when the next one is. False where
  // what its last reference said is not so, in any of the ways of counting left.
  bool reference(std::uint64_t number, PageNumber page, std::int64_t next) {
    if (page == said_.size())
      said_.push_back({});
    else if (!agrees(said_[page], number))
      return false;
    said_[page] = {number, next};
    return true;
  }

  // For speed alone.
  void prefetch(PageNumber page) const {
    if (page < said_.size()) __builtin_prefetch(&said_[page], 1);
  }

  // The place of a reference whose next one should have come before the end, if there is any.
  [[nodiscard]] std::optional<std::uint64_t> missing(std::uint64_t references) const {
    for (const Said& said : said_) {
      if (none(said.next)) continue;
      bool may_follow = false;
      for (const Counting& counting : kCountings)
        may_follow |= counting_[counting.number] && next_of(said, counting) >= references;
      if (!may_follow) return said.number;
    }
    return std::nullopt;
  }

 private:
  struct Said {
    std::uint64_t number = 0;
    std::int64_t next = -1;
  };
  // The next reference's number is next + number * of_number + add.
  struct Counting {
    std::size_t number;
    std::uint64_t of_number;
    std::uint64_t add;
  };
  static constexpr std::array<Counting, 3> kCountings{{{0, 0, 0}, {1, 0, UINT64_MAX}, {2, 1, 0}}};

  static std::uint64_t next_of(const Said& said, const Counting& counting) {
    return static_cast<std::uint64_t>(said.next) + said.number * counting.of_number + counting.add;
  }

  bool agrees(const Said& said, std::uint64_t number) {
    if (none(said.next)) return false;
    bool any = false;
    for (const Counting& counting : kCountings) {
      counting_[counting.number] &= next_of(said, counting) == number;
      any |= counting_[counting.number];
    }
    return any;
  }

  std::vector<Said> said_;                             // by page: at its last reference
  std::array<bool, 3> counting_ = {true, true, true};  // not yet refuted
};

}  // namespace brim::thrash::model
