// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/number_set.h"

#include "base/rng.h"

#include <set>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

TEST(NumberSet, Answers_as_a_sorted_set_does) {
  for (const std::size_t bound : {1U, 63U, 64U, 65U, 4096U, 4097U, 300000U}) {
    NumberSet numbers(bound);
    std::set<std::size_t> expected;
    Rng rng(bound);
    for (int step = 0; step < 3000; ++step) {
      const std::size_t number = rng.below(bound);
      // Few at a time, so that words become empty.
      if (expected.size() < 5 && rng.chance(0.5)) {
        numbers.insert(number);
        expected.insert(number);
      } else if (!expected.empty()) {
        const std::size_t gone = rng.chance(0.5) ? *expected.begin() : *expected.rbegin();
        numbers.erase(gone);
        expected.erase(gone);
      }
      const auto next = expected.lower_bound(number);
      ASSERT_EQ(numbers.next(number), next == expected.end() ? NumberSet::kNone : *next);
      ASSERT_EQ(numbers.last(), expected.empty() ? NumberSet::kNone : *expected.rbegin());
      ASSERT_EQ(numbers.contains(number), expected.contains(number));
    }
  }
}

TEST(NumberSet, Has_nothing_from_its_bound_on) {
  for (const std::size_t bound : {1U, 64U, 4096U}) {
    NumberSet numbers(bound);
    numbers.insert(bound - 1);
    EXPECT_EQ(numbers.next(bound - 1), bound - 1);
    EXPECT_EQ(numbers.next(bound), NumberSet::kNone);
  }
}

}  // namespace
}  // namespace brim::thrash::model
