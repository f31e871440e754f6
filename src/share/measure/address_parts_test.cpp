// SPDX-License-Identifier: Apache-2.0
#include "share/measure/address_parts.h"

#include "base/rng.h"
#include "base/units.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

void expect_sound(const std::vector<PageRange>& ranges, const std::vector<Part>& parts) {
  std::uint64_t end_before = 0;
  for (const Part& part : parts) {
    EXPECT_GT(part.count, 0U);
    EXPECT_LE(part.count, kPartPages);
    EXPECT_GE(part.first_page, end_before);
    // No block in two parts.
    if (end_before > 0) {
      EXPECT_LT((end_before - 1) / kPagesPerHuge, part.first_page / kPagesPerHuge);
    }
    end_before = part.first_page + part.count;
  }
  for (const PageRange& range : ranges) {
    for (std::uint64_t page = range.first; page < range.end; page += 1 + (page % 7)) {
      const auto holds = std::count_if(parts.begin(), parts.end(), [page](const Part& part) {
        return page >= part.first_page && page < part.first_page + part.count;
      });
      ASSERT_EQ(holds, 1) << page;
    }
  }
}

TEST(AddressParts, No_ranges_give_no_parts) { EXPECT_TRUE(cut_into_parts({}).empty()); }

TEST(AddressParts, A_range_of_exactly_one_part_is_one_part) {
  const std::vector<PageRange> ranges = {{.first = 512, .end = 512 + kPartPages}};
  const auto parts = cut_into_parts(ranges);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].count, kPartPages);
}

TEST(AddressParts, An_unaligned_start_shortens_the_first_part_only) {
  const std::vector<PageRange> ranges = {{.first = 100, .end = 100 + 2 * kPartPages}};
  const auto parts = cut_into_parts(ranges);
  ASSERT_EQ(parts.size(), 3U);
  EXPECT_EQ(parts[0].count, kPartPages - 100);
  EXPECT_EQ(parts[1].first_page, kPartPages);
  EXPECT_EQ(parts[1].count, kPartPages);
  EXPECT_EQ(parts[2].count, 100U);
}

TEST(AddressParts, Mappings_that_meet_in_a_block_share_a_part) {
  const std::vector<PageRange> ranges = {{.first = 10, .end = 20}, {.first = 500, .end = 600}};
  const auto parts = cut_into_parts(ranges);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].first_page, 10U);
  EXPECT_EQ(parts[0].count, 590U);
}

TEST(AddressParts, Mappings_far_apart_do_not) {
  const std::vector<PageRange> ranges = {{.first = 10, .end = 20}, {.first = 1024, .end = 1030}};
  EXPECT_EQ(cut_into_parts(ranges).size(), 2U);
}

TEST(AddressParts, Hold_every_page_once_and_divide_no_block_whatever_the_ranges) {
  Rng rng(31);
  for (int round = 0; round < 200; ++round) {
    std::vector<PageRange> ranges;
    std::uint64_t page = rng.below(2000);
    for (std::uint64_t i = 0; i < 1 + rng.below(30); ++i) {
      const std::uint64_t length = 1 + rng.below(rng.chance(0.1) ? 3 * kPartPages : 700);
      ranges.push_back({.first = page, .end = page + length});
      page += length + (rng.chance(0.4) ? 0 : rng.below(900));
    }
    expect_sound(ranges, cut_into_parts(ranges));
  }
}

}  // namespace
}  // namespace brim::share
