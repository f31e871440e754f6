// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/interval_heap.h"

#include "base/rng.h"

#include <cstdint>
#include <iterator>
#include <set>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

// Few values come many times, many only once; sizes go up and down through 0 and 1.
TEST(IntervalHeap, Has_the_ends_of_a_sorted_set_through_any_changes) {
  for (const std::uint64_t values : {5U, 100U, 1'000'000U}) {
    IntervalHeap<std::uint32_t> heap;
    std::multiset<std::uint32_t> sorted;
    Rng rng(values);
    for (int step = 0; step < 100'000; ++step) {
      const auto value = static_cast<std::uint32_t>(rng.below(values));
      const double insertion = step / 500 % 2 == 0 ? 0.6 : 0.25;
      if (sorted.empty() || rng.chance(insertion)) {
        heap.insert(value);
        sorted.insert(value);
      } else if (rng.chance(0.5)) {
        heap.remove_least();
        sorted.erase(sorted.begin());
      } else {
        heap.replace_greatest(value);
        sorted.erase(std::prev(sorted.end()));
        sorted.insert(value);
      }
      ASSERT_EQ(heap.size(), sorted.size());
      if (sorted.empty()) continue;
      ASSERT_EQ(heap.least(), *sorted.begin()) << "step " << step;
      ASSERT_EQ(heap.greatest(), *sorted.rbegin()) << "step " << step;
    }
  }
}

}  // namespace
}  // namespace brim::thrash::model
