// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/page_ring.h"

#include "base/rng.h"

#include <algorithm>
#include <deque>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

// It grows to hundreds of pages and shrinks to none, again and again.
TEST(PageRing, Gives_pages_in_the_order_they_came_without_those_removed) {
  constexpr PageNumber kPages = 1000;
  PagePlaces places(kPages);
  PageRing ring;
  std::deque<PageNumber> expected;
  std::vector<bool> in(kPages);
  Rng rng(1);
  for (int step = 0; step < 100000; ++step) {
    const bool grows = step / 1000 % 2 == 0;
    const auto page = static_cast<PageNumber>(rng.below(kPages));
    if (!in[page] && rng.chance(grows ? 0.9 : 0.2)) {
      ring.push_back(places, page);
      expected.push_back(page);
      in[page] = true;
    } else if (in[page] && rng.chance(0.5)) {
      ring.remove(places, page);
      expected.erase(std::ranges::find(expected, page));
      in[page] = false;
    } else if (!expected.empty() && !grows) {
      ASSERT_EQ(ring.pop_front(), expected.front());
      in[expected.front()] = false;
      expected.pop_front();
    }
    ASSERT_EQ(ring.size(), expected.size());
    ASSERT_EQ(ring.empty(), expected.empty());
  }
}

// As where a page comes and goes at once: the array neither fills up with holes nor loses a page.
TEST(PageRing, Gives_the_place_of_the_page_that_came_last_to_the_next) {
  PagePlaces places(10);
  PageRing ring;
  ring.push_back(places, 0);
  for (int step = 0; step < 1000; ++step) {
    ring.push_back(places, 1);
    ring.remove(places, 1);
  }
  ring.push_back(places, 2);
  ASSERT_EQ(ring.size(), 2U);
  EXPECT_EQ(ring.pop_front(), 0U);
  EXPECT_EQ(ring.pop_front(), 2U);
  EXPECT_TRUE(ring.empty());
  ring.push_back(places, 3);
  ring.remove(places, 3);
  ring.push_back(places, 4);
  EXPECT_EQ(ring.pop_front(), 4U);
}

TEST(PageRing, Goes_round) {
  PagePlaces places(10);
  PageRing ring;
  for (PageNumber page = 0; page < 10; ++page) ring.push_back(places, page);
  for (PageNumber step = 0; step < 1000; ++step) {
    const PageNumber page = ring.pop_front();
    ASSERT_EQ(page, step % 10);
    ring.push_back(places, page);
  }
}

}  // namespace
}  // namespace brim::thrash::model
