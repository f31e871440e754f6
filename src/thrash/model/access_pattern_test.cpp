// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/access_pattern.h"

#include "thrash/model/test_settled_pages.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using test::OwnSettledPages;

UniformBursts uniform(std::uint32_t pages, std::uint64_t accesses) {
  return {{.pages = pages, .accesses = accesses, .sleep = std::chrono::milliseconds(100)}};
}

// What single accesses do to pages that settle as they are touched: for each access that changes
// something, how many came before it since the last, and to which page.
struct Change {
  std::uint64_t quiet;
  std::uint32_t page;
  auto operator<=>(const Change&) const = default;
};

std::vector<Change> by_single_steps(std::uint32_t pages, std::uint64_t accesses, Rng rng) {
  OwnSettledPages settled(pages);
  std::vector<Change> changes;
  std::uint64_t quiet = 0;
  for (std::uint64_t i = 0; i < accesses; ++i) {
    const auto page = static_cast<std::uint32_t>(rng.below(pages));
    if (settled.is_settled(page)) {
      ++quiet;
      continue;
    }
    settled.settle(page);
    changes.push_back({quiet, page});
    quiet = 0;
  }
  return changes;
}

// In runs of at most `limit`, as a processor's time slices cut them.
std::vector<Change> by_stretches(std::uint32_t pages, std::uint64_t accesses, std::uint64_t limit,
                                 const Rng& rng) {
  OwnSettledPages settled(pages);
  const auto pattern = make_pattern(uniform(pages, accesses), rng);
  std::vector<Change> changes;
  std::uint64_t quiet = 0;
  while (pattern->left() > 0) {
    const Stretch stretch =
        pattern->propose(settled, std::min(limit, pattern->left()), ModelTime(0));
    pattern->made(stretch.quiet);
    quiet += stretch.quiet;
    if (!stretch.then) continue;
    pattern->made(1);
    settled.settle(stretch.then->page);
    changes.push_back({quiet, stretch.then->page});
    quiet = 0;
  }
  return changes;
}

// Pearson's statistic for two samples of equal size, over the outcomes that 20 or more have; about
// `degrees` on average, with a variance of twice that.
double chi_square(const std::map<std::vector<Change>, int>& a,
                  const std::map<std::vector<Change>, int>& b, double& degrees) {
  std::map<std::vector<Change>, std::array<int, 2>> both;
  for (const auto& [outcome, count] : a) both[outcome][0] = count;
  for (const auto& [outcome, count] : b) both[outcome][1] = count;
  double sum = 0;
  degrees = 0;
  std::array<int, 2> rest{};
  for (const auto& [outcome, count] : both) {
    if (count[0] + count[1] < 20) {
      rest[0] += count[0];
      rest[1] += count[1];
      continue;
    }
    const double difference = count[0] - count[1];
    sum += difference * difference / (count[0] + count[1]);
    ++degrees;
  }
  const double difference = rest[0] - rest[1];
  if (rest[0] + rest[1] > 0) sum += difference * difference / (rest[0] + rest[1]);
  return sum;
}

// The whole course of a small case: which pages change, in what order, and after how many others.
TEST(UniformBurstsTest, Stretches_have_the_distribution_of_single_steps) {
  constexpr int kRuns = 60000;
  for (const std::uint64_t limit : {100U, 2U}) {
    std::map<std::vector<Change>, int> single;
    std::map<std::vector<Change>, int> stretched;
    const Rng rng(limit);
    for (int run = 0; run < kRuns; ++run) {
      const auto number = static_cast<std::uint64_t>(run);
      ++single[by_single_steps(3, 5, rng.split("single", number))];
      ++stretched[by_stretches(3, 5, limit, rng.split("stretched", number))];
    }
    double degrees = 0;
    const double statistic = chi_square(single, stretched, degrees);
    EXPECT_GT(degrees, 30);
    EXPECT_LT(statistic, degrees + 4 * std::sqrt(2 * degrees)) << "limit " << limit;
  }
}

TEST(UniformBurstsTest, Skips_all_that_is_left_where_every_page_is_settled) {
  OwnSettledPages settled(100);
  for (std::uint32_t page = 0; page < 100; ++page) settled.settle(page);
  const auto pattern = make_pattern(uniform(100, 10000), Rng(1));
  const Stretch stretch = pattern->propose(settled, pattern->left(), ModelTime(0));
  EXPECT_EQ(stretch.quiet, 10000U);
  EXPECT_FALSE(stretch.then);
}

TEST(UniformBurstsTest, A_share_of_the_accesses_are_writes) {
  for (const double share : {0.0, 0.25, 1.0}) {
    UniformBursts shape = uniform(10, 4000);
    shape.burst.write_share = share;
    const auto pattern = make_pattern(shape, Rng(2));
    const OwnSettledPages none(10);
    int writes = 0;
    for (int i = 0; i < 4000; ++i)
      writes += pattern->propose(none, 1, ModelTime(0)).then->access == Access::write ? 1 : 0;
    EXPECT_NEAR(writes, 4000 * share, 110) << share;
  }
}

TEST(SequentialBurstsTest, Keeps_its_place_until_accesses_are_made) {
  const auto pattern = make_pattern(SequentialBursts{{.pages = 5, .accesses = 20}}, Rng(1));
  OwnSettledPages settled(5);
  EXPECT_EQ(pattern->propose(settled, 9, ModelTime(0)).then->page, 0U);
  settled.settle(0);
  settled.settle(1);
  for (int i = 0; i < 2; ++i) {
    const Stretch stretch = pattern->propose(settled, 9, ModelTime(0));
    EXPECT_EQ(stretch.quiet, 2U);
    EXPECT_EQ(stretch.then->page, 2U);
  }
  pattern->made(4);
  EXPECT_EQ(pattern->propose(settled, 9, ModelTime(0)).then->page, 4U);
  pattern->made(1);
  EXPECT_EQ(pattern->propose(settled, 9, ModelTime(0)).quiet, 2U);
}

// Of 10 pages at exponent 1 the first has 1 / 2.929 of all.
TEST(ZipfBurstsTest, The_first_rank_has_its_share) {
  const auto pattern = make_pattern(ZipfBursts{{.pages = 10, .accesses = 1}, 1}, Rng(4));
  const OwnSettledPages none(10);
  std::map<std::uint32_t, int> counts;
  for (int i = 0; i < 20000; ++i) ++counts[pattern->propose(none, 1, ModelTime(0)).then->page];
  std::vector<int> sorted;
  sorted.reserve(counts.size());
  for (const auto& [page, count] : counts) sorted.push_back(count);
  std::ranges::sort(sorted, std::greater<>());
  EXPECT_NEAR(sorted[0] / 20000.0, 1 / 2.929, 0.015);
  EXPECT_NEAR(sorted[1] / 20000.0, 0.5 / 2.929, 0.015);
}

TEST(PhasedBurstsTest, Stays_in_a_working_set_for_a_phase) {
  PhasedBursts shape{{.pages = 1000, .accesses = 1}};
  shape.working_set = 20;
  shape.phase = std::chrono::seconds(2);
  const auto pattern = make_pattern(shape, Rng(4));
  const OwnSettledPages none(1000);
  const auto pages_at = [&](ModelTime now) {
    std::set<std::uint32_t> pages;
    for (int i = 0; i < 1000; ++i) pages.insert(pattern->propose(none, 1, now).then->page);
    return pages;
  };
  const auto first = pages_at(ModelTime(0));
  EXPECT_EQ(first.size(), 20U);
  EXPECT_EQ(pages_at(std::chrono::milliseconds(1999)), first);
  EXPECT_NE(pages_at(std::chrono::seconds(2)), first);
}

}  // namespace
}  // namespace brim::thrash::model
