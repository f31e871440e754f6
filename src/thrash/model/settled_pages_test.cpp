// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/settled_pages.h"

#include "base/rng.h"
#include "thrash/model/test_settled_pages.h"

#include <set>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

TEST(SettledPagesTest, Has_each_page_once_in_the_part_it_was_put_in) {
  constexpr std::uint32_t kPages = 50;
  test::OwnSettledPages pages(kPages);
  std::set<std::uint32_t> settled;
  Rng rng(1);
  for (int step = 0; step < 5000; ++step) {
    const auto page = static_cast<std::uint32_t>(rng.below(kPages));
    const bool grows = step / 500 % 2 == 0;
    if (rng.chance(grows ? 0.8 : 0.2)) {
      pages.settle(page);
      settled.insert(page);
    } else {
      ASSERT_EQ(pages.unsettle(page), settled.erase(page) == 1);
    }
    ASSERT_EQ(pages.settled(), settled.size());
    ASSERT_EQ(pages.others(), kPages - settled.size());
    std::set<std::uint32_t> others;
    for (std::uint32_t place = 0; place < pages.others(); ++place)
      others.insert(pages.other(place));
    ASSERT_EQ(others.size(), pages.others());
    for (std::uint32_t one = 0; one < kPages; ++one) {
      ASSERT_EQ(pages.is_settled(one), settled.contains(one)) << one;
      ASSERT_NE(others.contains(one), settled.contains(one)) << one;
    }
  }
}

}  // namespace
}  // namespace brim::thrash::model
