// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/read_ahead_window.h"

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

TEST(ReadAheadWindowTest, Begins_as_if_four_had_been_used_and_halves_while_none_is) {
  ReadAheadWindow window;
  EXPECT_EQ(window.next(100, 8), 8U);
  EXPECT_EQ(window.next(300, 8), 4U);
  EXPECT_EQ(window.next(500, 8), 2U);
  EXPECT_EQ(window.next(700, 8), 1U);
  EXPECT_EQ(window.next(900, 8), 1U);
}

TEST(ReadAheadWindowTest, Reads_two_more_than_were_used_as_a_power_of_two_and_no_more_than_it_may) {
  const auto with = [](int used, std::uint32_t most) {
    ReadAheadWindow window;
    for (std::uint64_t place = 0; window.next(place, most) > 1;) place += 10;
    for (int i = 0; i < used; ++i) window.used();
    return window.next(10000, most);
  };
  EXPECT_EQ(with(0, 64), 1U);
  EXPECT_EQ(with(1, 64), 4U);
  EXPECT_EQ(with(2, 64), 4U);
  EXPECT_EQ(with(3, 64), 8U);
  EXPECT_EQ(with(6, 64), 8U);
  EXPECT_EQ(with(7, 64), 16U);
  EXPECT_EQ(with(7, 8), 8U);
  EXPECT_EQ(with(1000000, 8), 8U);
  EXPECT_EQ(with(3, 1), 1U);
}

TEST(ReadAheadWindowTest, Tries_one_more_where_misses_are_beside_each_other) {
  ReadAheadWindow window;
  while (window.next(5, 8) > 1) continue;
  EXPECT_EQ(window.next(6, 8), 2U);
  EXPECT_EQ(window.next(5, 8), 2U) << "downwards, too";
  EXPECT_EQ(window.next(7, 8), 1U);
}

}  // namespace
}  // namespace brim::thrash::model
