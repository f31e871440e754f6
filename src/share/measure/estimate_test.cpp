// SPDX-License-Identifier: Apache-2.0
// Whether the intervals of sampled totals cover as often as they say, at shares too small to try on
// real pages: populations are numbers of memberships and copies only.
#include "share/measure/estimate.h"

#include "base/rng.h"

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

struct Content {
  std::uint64_t subjects = 1;
  std::uint64_t copies = 1;  // at least one a subject
  bool heavy = false;
};

void add(ContentSums& sums, const Content& content, bool certain) {
  sums.contents.add(1, certain);
  sums.memberships.add(content.subjects, certain);
  sums.shared.add(content.subjects - 1, certain);
  sums.copies_seen += content.copies;
}

// Each with chance p, by jumps: far fewer draws than contents.
ContentSums sample(const std::vector<Content>& population, double p, Rng& rng) {
  ContentSums sums;
  for (const Content& content : population) {
    if (!content.heavy) break;  // they stand in front
    add(sums, content, true);
  }
  std::size_t at = 0;
  for (;;) {
    at += static_cast<std::size_t>(std::floor(std::log1p(-rng.uniform()) / std::log1p(-p)));
    if (at >= population.size()) return sums;
    if (!population[at].heavy) add(sums, population[at], false);
    ++at;
  }
}

bool covers(const Estimate& estimate, double truth) {
  return estimate.interval && estimate.interval->low <= truth && truth <= estimate.interval->high;
}

void expect_coverage(const std::vector<Content>& population, double p) {
  constexpr int kSeeds = 1000;
  ContentSums all;
  for (const Content& content : population) add(all, content, true);
  const std::uint64_t pages = all.copies_seen;
  const Savings truth = savings_of(all, pages, 1);
  EXPECT_FALSE(truth.minimum.interval);
  int minimum = 0;
  int intra = 0;
  int inter = 0;
  double minimum_sum = 0;
  for (int seed = 0; seed < kSeeds; ++seed) {
    Rng rng(static_cast<std::uint64_t>(seed));
    const Savings found = savings_of(sample(population, p, rng), pages, p);
    ASSERT_NEAR(found.minimum.value + found.intra.value + found.inter.value,
                static_cast<double>(pages), 1e-6 * static_cast<double>(pages));
    minimum += covers(found.minimum, truth.minimum.value) ? 1 : 0;
    intra += covers(found.intra, truth.intra.value) ? 1 : 0;
    inter += covers(found.inter, truth.inter.value) ? 1 : 0;
    minimum_sum += found.minimum.value;
  }
  for (const int count : {minimum, intra, inter}) {
    EXPECT_GE(count, 930);
    EXPECT_LE(count, 970);
  }
  EXPECT_NEAR(minimum_sum / kSeeds / truth.minimum.value, 1, 0.01);
}

// 8 VMs of one OS under the study's load: one page copied all over, an OS in all, the rest its own.
std::vector<Content> study_load(std::uint64_t scale) {
  std::vector<Content> population{{8, 200 * 8 * scale, true}};
  for (std::uint64_t i = 0; i < 80 * scale; ++i) population.push_back({8, 8});
  for (std::uint64_t i = 0; i < 8 * 80 * scale; ++i) population.push_back({1, 1});
  for (std::uint64_t i = 0; i < 8 * 20 * scale; ++i) population.push_back({1, 2});
  return population;
}

// Copies by Zipf's law over 16 subjects; the first hundred are heavy.
std::vector<Content> power_law(std::uint64_t scale) {
  std::vector<Content> population;
  for (std::uint64_t i = 1; i <= 1000 * scale; ++i) {
    const std::uint64_t copies = std::max<std::uint64_t>(1, 500 * scale / i);
    population.push_back({std::min<std::uint64_t>(copies, 16), copies, i <= 100});
  }
  return population;
}

// Nearly all unlike any other; a tenth in two subjects, some twice in one.
std::vector<Content> mostly_unique(std::uint64_t scale) {
  std::vector<Content> population;
  for (std::uint64_t i = 0; i < 1000 * scale; ++i)
    population.push_back({i % 10 == 0 ? 2ULL : 1ULL, i % 10 < 2 ? 2ULL : 1ULL});
  return population;
}

TEST(Estimate, Covers_95_percent_at_one_percent_of_the_studys_load) {
  expect_coverage(study_load(100), 0.01);
}
TEST(Estimate, Covers_95_percent_at_one_percent_of_a_power_law) {
  expect_coverage(power_law(100), 0.01);
}
TEST(Estimate, Covers_95_percent_at_one_percent_of_mostly_unique_contents) {
  expect_coverage(mostly_unique(100), 0.01);
}

TEST(Score_interval, Is_not_empty_when_nothing_was_sampled) {
  const Interval interval = score_interval(SampledSum{}, 0.01);
  EXPECT_NEAR(interval.low, 0, 1e-9);
  EXPECT_GT(interval.high, 100);
}

TEST(Score_interval, Narrows_as_the_share_grows) {
  const auto width = [](double p) {
    SampledSum sum;
    for (int i = 0; i < static_cast<int>(10000 * p); ++i) sum.add(1, false);
    const Interval interval = score_interval(sum, p);
    EXPECT_LT(interval.low, 10000);
    EXPECT_GT(interval.high, 10000);
    return interval.high - interval.low;
  };
  EXPECT_GT(width(0.01), width(0.1));
  EXPECT_GT(width(0.1), width(0.5));
}

TEST(Score_interval, What_is_certain_moves_it_and_does_not_widen_it) {
  SampledSum sum;
  for (int i = 0; i < 50; ++i) sum.add(2, false);
  const Interval before = score_interval(sum, 0.1);
  sum.add(100000, true);
  const Interval after = score_interval(sum, 0.1);
  EXPECT_NEAR(after.low - before.low, 100000, 1e-6);
  EXPECT_NEAR(after.high - before.high, 100000, 1e-6);
}

TEST(Savings_of, Never_claims_more_than_there_are_pages) {
  ContentSums sums;
  for (int i = 0; i < 40; ++i) add(sums, {3, 3}, false);
  const Savings found = savings_of(sums, 200, 0.1);  // the sample says 400 contents, 1200 pages
  EXPECT_NEAR(found.minimum.value + found.intra.value + found.inter.value, 200, 1e-9);
  for (const Estimate& estimate : {found.minimum, found.intra, found.inter}) {
    EXPECT_GE(estimate.value, 0);
    ASSERT_TRUE(estimate.interval);
    EXPECT_LE(estimate.interval->low, estimate.value);
    EXPECT_GE(estimate.interval->high, estimate.value);
    EXPECT_LE(estimate.interval->high, 200);
  }
}

}  // namespace
}  // namespace brim::share
