// SPDX-License-Identifier: Apache-2.0
#include "base/units.h"

#include <type_traits>

#include <gtest/gtest.h>

namespace brim {
namespace {

template <class A, class B>
concept Addable = requires(A a, B b) { a + b; };
template <class A, class B>
concept Comparable = requires(A a, B b) { a < b; };

// What must not compile.
static_assert(!std::is_convertible_v<Pages, Bytes> && !std::is_constructible_v<Bytes, Pages>);
static_assert(!std::is_convertible_v<std::uint64_t, Bytes>);
static_assert(!std::is_convertible_v<Bytes, std::uint64_t>);
static_assert(!Addable<Pages, Bytes> && !Comparable<Pages, Bytes>);
static_assert(!std::is_constructible_v<HostFrame, GuestFrame>);
static_assert(!Comparable<HostFrame, GuestFrame>);
static_assert(!Addable<HostFrame, HostFrame>);  // two places have no sum
static_assert(Addable<Pages, Pages> && Comparable<Pages, Pages>);
static_assert(sizeof(Pages) == 8 && sizeof(HostFrame) == 8);

TEST(Units, Quantities_add_subtract_scale_and_compare) {
  Pages pages(3);
  pages += Pages(4);
  pages -= Pages(1);
  ++pages;
  EXPECT_EQ(pages, Pages(7));
  EXPECT_EQ((Pages(2) + Pages(5) - Pages(1)) * 3, Pages(18));
  EXPECT_LT(Pages(1), Pages(2));
  EXPECT_EQ(Pages().count(), 0U);
}

TEST(Units, Positions_differ_by_plain_numbers) {
  HostFrame frame(10);
  frame += 5;
  EXPECT_EQ(frame - HostFrame(4), 11U);
  EXPECT_EQ(frame + 1, HostFrame(16));
  EXPECT_GT(frame, HostFrame(14));
}

TEST(Units, Conversions_keep_whole_pages_and_drop_the_rest) {
  EXPECT_EQ(bytes_of(Pages(3)), Bytes(12288));
  EXPECT_EQ(whole_pages(Bytes(12288)), Pages(3));
  EXPECT_EQ(whole_pages(Bytes(12287)), Pages(2));
  EXPECT_EQ(whole_pages(Bytes(4095)), Pages(0));
  EXPECT_EQ(kibibytes(4), Bytes(kPageSize));
  EXPECT_EQ(mebibytes(2), Bytes(kHugePageSize));
  EXPECT_EQ(gibibytes(1), Bytes(1ULL << 30));
  EXPECT_EQ(kPagesPerHuge * kPageSize, kHugePageSize);
}

}  // namespace
}  // namespace brim
