// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/coming_draws.h"

#include "thrash/model/access_pattern.h"
#include "thrash/model/test_settled_pages.h"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

// Of 1000 pages 500 settle one after the other, and `unsettled` of them change back each 50 draws.
// How many draws were said so many draws before.
int said_before(std::size_t draws, double write_share, std::uint32_t unsettled) {
  constexpr std::uint32_t kPages = 1000;
  const auto pattern = make_pattern(
      UniformBursts{{.pages = kPages, .accesses = 1'000'000, .write_share = write_share}}, Rng(5));
  test::OwnSettledPages pages(kPages);
  std::deque<std::optional<std::uint32_t>> said(draws);
  int right = 0;
  for (std::uint32_t step = 1; step <= 500; ++step) {
    const Stretch stretch = pattern->propose(pages, 1000, ModelTime(0));
    right += said.front() == stretch.then->page ? 1 : 0;
    said.pop_front();
    said.push_back(pattern->coming(pages, static_cast<std::uint32_t>(draws)));
    pages.settle(stretch.then->page);
    if (step % 50 != 0) continue;
    for (std::uint32_t page = 0; page < unsettled; ++page) pages.unsettle(page);
  }
  return right;
}

TEST(ComingDrawsTest, Says_which_pages_are_drawn_next) {
  for (const std::size_t draws : {1U, 2U})
    for (const double write_share : {0.0, 0.5, 1.0})
      EXPECT_GT(said_before(draws, write_share, 0), 480) << draws << ", " << write_share;
}

// All that was said last is wrong then, and what is said next is right again.
TEST(ComingDrawsTest, Recovers_where_pages_are_unsettled) {
  for (const std::size_t draws : {1U, 2U}) {
    EXPECT_GT(said_before(draws, 1, 100), 440) << draws;
    EXPECT_LT(said_before(draws, 1, 100), said_before(draws, 1, 0)) << draws;
  }
}

}  // namespace
}  // namespace brim::thrash::model
