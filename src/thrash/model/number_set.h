// SPDX-License-Identifier: Apache-2.0
#pragma once
// A set of numbers below a bound, that finds its largest and the next from any on in a few steps:
// a bit each, and over each level of words another with a bit for each that is not zero. An eighth
// of a byte a number.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

class NumberSet {
 public:
  static constexpr std::size_t kNone = SIZE_MAX;

  explicit NumberSet(std::size_t bound) {
    do {
      bound = bound / kBits + 1;
      levels_.emplace_back(bound);
    } while (bound > 1);
  }

  [[nodiscard]] bool contains(std::size_t number) const {
    return (levels_[0][number / kBits] >> (number % kBits) & 1) != 0;
  }

  void insert(std::size_t number) {
    for (auto& level : levels_) {
      std::uint64_t& word = level[number / kBits];
      const bool known = word != 0;
      word |= std::uint64_t{1} << (number % kBits);
      if (known) return;
      number /= kBits;
    }
  }

  void erase(std::size_t number) {
    for (auto& level : levels_) {
      std::uint64_t& word = level[number / kBits];
      word &= ~(std::uint64_t{1} << (number % kBits));
      if (word != 0) return;
      number /= kBits;
    }
  }

  // kNone where it is empty.
  [[nodiscard]] std::size_t last() const {
    if (levels_.back()[0] == 0) return kNone;
    std::size_t at = 0;
    for (std::size_t level = levels_.size(); level-- > 0;)
      at = at * kBits + kBits - 1 - static_cast<std::size_t>(std::countl_zero(levels_[level][at]));
    return at;
  }

  // The least that is not below `from`, which may be the bound; kNone: there is none.
  [[nodiscard]] std::size_t next(std::size_t from) const {
    std::size_t at = from;
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      const std::size_t place = at / kBits;
      if (place >= levels_[level].size()) return kNone;
      const std::uint64_t word = levels_[level][place] >> (at % kBits);
      if (word != 0)
        return first_below(level, at + static_cast<std::size_t>(std::countr_zero(word)));
      at = place + 1;
    }
    return kNone;
  }

  // For speed alone.
  void prefetch(std::size_t number) const { __builtin_prefetch(&levels_[0][number / kBits], 1); }

 private:
  static constexpr std::size_t kBits = 64;

  // The least of those for which bit `at` of a level stands.
  [[nodiscard]] std::size_t first_below(std::size_t level, std::size_t at) const {
    while (level-- > 0)
      at = at * kBits + static_cast<std::size_t>(std::countr_zero(levels_[level][at]));
    return at;
  }

  std::vector<std::vector<std::uint64_t>> levels_;  // the numbers' own first
};

}  // namespace brim::thrash::model
