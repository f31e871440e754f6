// SPDX-License-Identifier: Apache-2.0
#include "share/measure/page_codec.h"

#include "base/rng.h"
#include "share/measure/test_pages.h"

#include <algorithm>
#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

TEST(PageCodec, A_random_page_does_not_compress_and_saves_nothing) {
  Rng rng(1);
  PageCodec codec;
  const TestPage page = random_page(rng);
  EXPECT_EQ(codec.lz4_size(page), kPageSize);
  EXPECT_EQ(codec.zstd_size(page), kPageSize);
  EXPECT_EQ(saved_by_half_rule(codec.zstd_size(page)), 0);
}

TEST(PageCodec, A_page_of_one_byte_takes_a_few_bytes) {
  PageCodec codec;
  TestPage page;
  page.fill(std::byte{0x2a});
  EXPECT_LT(codec.lz4_size(page), 64U);
  EXPECT_LT(codec.zstd_size(page), 32U);
}

TEST(PageCodec, A_patch_against_a_copy_with_one_changed_byte_is_tiny) {
  Rng rng(2);
  PageCodec codec;
  const TestPage reference = random_page(rng);
  TestPage page = reference;
  page[1000] ^= std::byte{0xff};
  EXPECT_LT(codec.patch_size(page, reference), 64U);
}

TEST(PageCodec, A_patch_against_an_unlike_page_is_no_smaller_than_the_page) {
  Rng rng(3);
  PageCodec codec;
  const TestPage reference = random_page(rng);
  EXPECT_EQ(codec.patch_size(random_page(rng), reference), kPageSize);
}

TEST(PageCodec, The_reference_of_a_patch_does_not_help_the_next_page) {
  Rng rng(4);
  PageCodec codec;
  const TestPage page = random_page(rng);
  const TestPage copy = page;  // zstd does not compress a page against its own bytes in place
  EXPECT_LT(codec.patch_size(page, copy), 64U);
  EXPECT_EQ(codec.zstd_size(page), kPageSize);
}

TEST(PageCodec, A_patch_is_as_large_wherever_the_pages_lie_and_whatever_came_before) {
  Rng rng(7);
  PageCodec codec;
  for (int i = 0; i < 20; ++i) {
    const TestPage page = text_page(rng);
    const TestPage reference = text_page(rng);
    std::vector<std::byte> side_by_side(reference.begin(), reference.end());
    side_by_side.insert(side_by_side.end(), page.begin(), page.end());
    const auto at = [&](std::size_t number) {
      return PageCodec::Page(side_by_side.data() + number * kPageSize, kPageSize);
    };
    const std::vector<std::byte> apart(page.begin(), page.end());
    ASSERT_EQ(codec.patch_size(at(1), at(0)),
              PageCodec().patch_size(PageCodec::Page(apart.data(), kPageSize), at(0)));
  }
}

TEST(PageCodec, A_quarter_of_incompressible_bytes_costs_a_quarter_of_a_page) {
  Rng rng(5);
  PageCodec codec;
  TestPage page = random_page(rng);
  std::fill(page.begin() + kPageSize / 4, page.end(), std::byte{0});
  for (const std::uint32_t size : {codec.lz4_size(page), codec.zstd_size(page)}) {
    EXPECT_GE(size, kPageSize / 4);
    EXPECT_LE(size, kPageSize / 4 + 64);
  }
}

TEST(PageCodec, The_half_rule_counts_up_to_half_a_page_and_nothing_above) {
  EXPECT_EQ(saved_by_half_rule(0), 1.0);
  EXPECT_EQ(saved_by_half_rule(kHalfPage), 0.5);
  EXPECT_EQ(saved_by_half_rule(kHalfPage + 1), 0.0);
  EXPECT_EQ(saved_by_half_rule(kPageSize), 0.0);
}

}  // namespace
}  // namespace brim::share
