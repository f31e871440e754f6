// SPDX-License-Identifier: Apache-2.0
#include "report/format.h"

#include <cmath>
#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace brim::report {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(Format, Whole_numbers_have_separators_and_every_digit) {
  EXPECT_EQ(format_number(std::uint64_t{0}, Unit::pages), "0");
  EXPECT_EQ(format_number(std::uint64_t{999}, Unit::count), "999");
  EXPECT_EQ(format_number(std::uint64_t{1234567}, Unit::pages), "1,234,567");
  EXPECT_EQ(format_number(UINT64_MAX, Unit::none), "18,446,744,073,709,551,615");
  EXPECT_EQ(format_number(1234567.0, Unit::none), "1,234,567");
}

TEST(Format, Estimates_are_rounded_to_what_can_be_meant) {
  EXPECT_EQ(format_number(12345.678, Unit::pages), "12,346");
  EXPECT_EQ(format_number(3.14, Unit::count), "3.1");
  EXPECT_EQ(format_number(0.61834, Unit::ratio), "0.618");
  EXPECT_EQ(format_number(1234.5678, Unit::none), "1,235");
  EXPECT_EQ(format_number(-1234567.4, Unit::pages), "-1,234,567");
  EXPECT_EQ(format_number(-123.0, Unit::pages), "-123");
  EXPECT_EQ(format_number(-0.01, Unit::count), "0.0");
  EXPECT_EQ(format_number(-0.0, Unit::count), "0");
}

TEST(Format, Units_follow_their_numbers) {
  EXPECT_EQ(format_number(37.25, Unit::percent), "37.2 %");
  EXPECT_EQ(format_number(0.0342, Unit::percent), "0.034 %");
  EXPECT_EQ(format_number(0.0, Unit::percent), "0.0 %");
  EXPECT_EQ(format_number(1234.0, Unit::per_second), "1,234 /s");
  EXPECT_EQ(format_number(1.5, Unit::seconds), "1.50 s");
  EXPECT_EQ(format_number(0.25, Unit::seconds), "250 ms");
  EXPECT_EQ(format_number(12e-6, Unit::seconds), "12.0 µs");
  EXPECT_EQ(format_number(3e-9, Unit::seconds), "3.00 ns");
  EXPECT_EQ(format_number(3600.0, Unit::seconds), "3,600 s");
}

TEST(Format, Bytes_have_binary_prefixes_up_to_the_largest_number) {
  EXPECT_EQ(format_number(std::uint64_t{512}, Unit::bytes), "512 B");
  EXPECT_EQ(format_number(std::uint64_t{1536}, Unit::bytes), "1.5 KiB");
  EXPECT_EQ(format_number(1048576.0 - 1, Unit::bytes), "1.0 MiB");
  EXPECT_EQ(format_number(UINT64_MAX, Unit::bytes), "16.0 EiB");
  EXPECT_EQ(format_number(-1536.0, Unit::bytes), "-1.5 KiB");
}

TEST(Format, Extremes_neither_crash_nor_lie) {
  for (const Unit unit : {Unit::none, Unit::pages, Unit::bytes, Unit::percent, Unit::seconds,
                          Unit::per_second, Unit::count, Unit::ratio}) {
    EXPECT_EQ(format_number(kNan, unit), "nan");
    EXPECT_EQ(format_number(kInfinity, unit), "inf");
    EXPECT_EQ(format_number(-kInfinity, unit), "-inf");
    for (const double value : {1e300, -1e300, 1e-300, 5e-324, 1e15, 999999999999999.0})
      EXPECT_LT(format_number(value, unit).size(), 30U) << value;
    EXPECT_NE(format_number(1e-300, Unit::ratio), "0");
  }
}

TEST(Format, A_symmetric_interval_is_a_plus_minus_and_any_other_two_ends) {
  EXPECT_EQ(format_cell(Cell(1234.0, {1200, 1268}), Unit::pages), "1,234 ± 34");
  EXPECT_EQ(format_cell(Cell(12.0, {11.5, 12.5}), Unit::percent), "12.0 ± 0.5 %");
  EXPECT_EQ(format_cell(Cell(1234.0, {1100, 1400}), Unit::pages), "1,234 [1,100, 1,400]");
  EXPECT_EQ(format_cell(Cell(2048.0, {1024, 3072}), Unit::bytes), "2.0 KiB ± 1.0 KiB");
  EXPECT_EQ(format_cell(Cell(5.0, {0, kInfinity}), Unit::count), "5 [0, inf]");
  // An interval that doesn't hold its value is shown as it is, not made to look as if it did.
  EXPECT_EQ(format_cell(Cell(5.0, {6, 8}), Unit::count), "5 [6, 8]");
}

TEST(Format, Missing_is_a_dash_and_never_zero) {
  EXPECT_EQ(format_cell(Cell(), Unit::pages), "–");
  EXPECT_EQ(format_cell(Cell(std::uint64_t{0}), Unit::pages), "0");
  EXPECT_EQ(format_cell(Cell(false), Unit::none), "no");
  EXPECT_EQ(format_cell(Cell("x\n"), Unit::none), "x\\n");
}

TEST(Format, A_heading_says_pages_where_the_title_does_not) {
  EXPECT_EQ(heading({"zero_pages", "zero pages", Unit::pages}), "zero pages");
  EXPECT_EQ(heading({"used", "used", Unit::pages}), "used (pages)");
  EXPECT_EQ(heading({"used", "used", Unit::bytes}), "used");
}

TEST(Format, The_hint_follows_the_size_of_a_page) {
  EXPECT_EQ(pages_hint(512, 4096), "2.0 MiB");
  EXPECT_EQ(pages_hint(512, 2U << 20), "1.0 GiB");
  EXPECT_EQ(pages_hint(512, 0), "");
  EXPECT_EQ(pages_hint(kNan, 4096), "");
}

}  // namespace
}  // namespace brim::report
