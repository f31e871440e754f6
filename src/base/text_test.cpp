// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "base/utf8.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim {
namespace {

using std::chrono::nanoseconds;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(HumanBytes, Changes_unit_before_it_would_print_1024) {
  EXPECT_EQ(human_bytes(Bytes(0)), "0 B");
  EXPECT_EQ(human_bytes(Bytes(1023)), "1023 B");
  EXPECT_EQ(human_bytes(Bytes(1024)), "1.0 KiB");
  EXPECT_EQ(human_bytes(kibibytes(4)), "4.0 KiB");
  EXPECT_EQ(human_bytes(Bytes((1 << 20) - 1)), "1.0 MiB");
  EXPECT_EQ(human_bytes(mebibytes(1536)), "1.5 GiB");
  EXPECT_EQ(human_bytes(Bytes(~0ULL)), "16.0 EiB");
}

TEST(WithSeparators, Puts_a_comma_at_every_third_digit_from_the_right) {
  EXPECT_EQ(with_separators(0), "0");
  EXPECT_EQ(with_separators(999), "999");
  EXPECT_EQ(with_separators(1000), "1,000");
  EXPECT_EQ(with_separators(1234567), "1,234,567");
  EXPECT_EQ(with_separators(~0ULL), "18,446,744,073,709,551,615");
}

TEST(ParseDuration, Takes_a_number_with_a_unit) {
  EXPECT_EQ(parse_duration("5s"), nanoseconds(5'000'000'000));
  EXPECT_EQ(parse_duration("10min"), std::chrono::minutes(10));
  EXPECT_EQ(parse_duration("1h"), std::chrono::hours(1));
  EXPECT_EQ(parse_duration("250ms"), std::chrono::milliseconds(250));
  EXPECT_EQ(parse_duration("2.5s"), std::chrono::milliseconds(2500));
  EXPECT_EQ(parse_duration(" 7 us "), std::chrono::microseconds(7));
  EXPECT_EQ(parse_duration("0s"), nanoseconds(0));
}

TEST(ParseDuration, Refuses_what_is_no_duration_and_says_what_would_be) {
  for (const std::string_view text :
       {"", " ", "5", "s", "nan", "nans", "infs", "-5s", "+5s", "1e400s", "1e30d", "5 parsecs",
        "5s5", "0x10s", "5,5s", "--5s", "5 s s", "S", "1e-400s"}) {
    const auto parsed = parse_duration(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::bad_input);
    EXPECT_THAT(parsed.error().what, HasSubstr("'" + std::string(text) + "'"));
    EXPECT_THAT(parsed.error().what, HasSubstr("10min"));
  }
}

TEST(ParseDuration, Takes_centuries_but_not_what_overflows) {
  EXPECT_TRUE(parse_duration("100000d"));
  EXPECT_FALSE(parse_duration("110000d"));
}

TEST(ParseFraction, Takes_percentages_and_fractions_above_0_up_to_1) {
  EXPECT_DOUBLE_EQ(*parse_fraction("1%"), 0.01);
  EXPECT_DOUBLE_EQ(*parse_fraction("0.5 %"), 0.005);
  EXPECT_DOUBLE_EQ(*parse_fraction("0.01"), 0.01);
  EXPECT_DOUBLE_EQ(*parse_fraction("100%"), 1);
  EXPECT_DOUBLE_EQ(*parse_fraction("1"), 1);
}

TEST(ParseFraction, Refuses_all_else) {
  for (const std::string_view text : {"", "5", "0", "0%", "-1%", "101%", "nan", "nan%", "inf%",
                                      "1e400", "1e-400", "4.9e-324%", "1%%", "%", "1 percent"}) {
    const auto parsed = parse_fraction(text);
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::bad_input);
  }
}

TEST(ParseNumber, Takes_a_whole_number_and_nothing_around_it) {
  EXPECT_EQ(parse_number("0"), 0U);
  EXPECT_EQ(parse_number("007"), 7U);
  EXPECT_EQ(parse_number("18446744073709551615"), ~0ULL);
  EXPECT_EQ(parse_number("ff", 16), 255U);
  for (const std::string_view text :
       {"", " 1", "1 ", "-1", "+1", "1.0", "1e3", "0x1", "18446744073709551616", "nan"})
    EXPECT_FALSE(parse_number(text)) << text;
}

TEST(NearestWord, Finds_what_was_meant) {
  const std::vector<std::string> words = {"share", "translate", "thrash", "napi", "ksm", "runs"};
  EXPECT_EQ(nearest_word("shaer", words), "share");   // neighbours swapped
  EXPECT_EQ(nearest_word("kms", words), "ksm");       // one swap in three letters
  EXPECT_EQ(nearest_word("trash", words), "thrash");  // one missing
  EXPECT_EQ(nearest_word("run", words), "runs");
  EXPECT_EQ(nearest_word("trnaslaet", words), "translate");  // two swaps in nine
  EXPECT_EQ(nearest_word("napi", words), "napi");
}

TEST(NearestWord, Keeps_silent_when_nothing_is_near) {
  const std::vector<std::string> words = {"share", "x", ""};
  EXPECT_EQ(nearest_word("y", words), std::nullopt);
  EXPECT_EQ(nearest_word("sh", words), std::nullopt);
  EXPECT_EQ(nearest_word("stone", words), std::nullopt);
  EXPECT_EQ(nearest_word(std::string(1000, 'z'), words), std::nullopt);
  EXPECT_EQ(nearest_word("", std::vector<std::string>{"a"}), std::nullopt);
  EXPECT_EQ(nearest_word("share", {}), std::nullopt);
}

TEST(NearestWord, Breaks_ties_by_order) {
  EXPECT_EQ(nearest_word("bat", std::vector<std::string>{"cat", "hat"}), "cat");
  EXPECT_EQ(nearest_word("bat", std::vector<std::string>{"hat", "cat"}), "hat");
}

TEST(Split, Keeps_empty_parts) {
  EXPECT_THAT(split("a,,b,", ','), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(split("", ','), ElementsAre(""));
  EXPECT_THAT(split("abc", ','), ElementsAre("abc"));
}

TEST(Trim, Takes_blanks_from_both_ends_only) {
  EXPECT_EQ(trim(" \t a b\r\n"), "a b");
  EXPECT_EQ(trim(" \n"), "");
  EXPECT_EQ(trim(""), "");
}

TEST(IsoTime, Is_UTC_and_rounds_down_on_both_sides_of_1970) {
  using std::chrono::system_clock;
  const auto at = [](std::int64_t milliseconds) {
    return iso_time(system_clock::time_point(std::chrono::milliseconds(milliseconds)));
  };
  EXPECT_EQ(at(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(at(1'000'000'000'999), "2001-09-09T01:46:40Z");
  EXPECT_EQ(at(-1), "1969-12-31T23:59:59Z");
  EXPECT_EQ(at(951'782'400'000), "2000-02-29T00:00:00Z");
}

// RFC 3629's limits, each on both sides.
TEST(Utf8, Knows_well_formed_characters_from_broken_ones) {
  for (const std::string_view good : {"a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
                                      "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"})
    EXPECT_EQ(utf8_length(good), good.size());
  for (const std::string_view bad :
       {"", "\x80", "\xc1\xbf", "\xc2", "\xc2 ", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xe2\x82",
        "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff"})
    EXPECT_EQ(utf8_length(bad), 0U);
}

TEST(Utf8, Valid_utf8_replaces_only_what_is_broken) {
  EXPECT_EQ(valid_utf8("t\xc3\xa4gl\tich\n"), "t\xc3\xa4gl\tich\n");
  EXPECT_EQ(valid_utf8("a\xff"
                       "b"),
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(valid_utf8(std::string_view("\0", 1)), "\xef\xbf\xbd");
  EXPECT_EQ(valid_utf8("\xe2\x82"), "\xef\xbf\xbd\xef\xbf\xbd");
}

TEST(ParseBytes, Takes_whole_bytes_in_binary_units_and_nothing_else) {
  EXPECT_EQ(*parse_bytes("2GiB"), gibibytes(2));
  EXPECT_EQ(*parse_bytes("1.5 MiB"), kibibytes(1536));
  EXPECT_EQ(*parse_bytes("4096B"), Bytes(4096));
  EXPECT_EQ(*parse_bytes("0B"), Bytes(0));
  for (const char* wrong : {"", "2", "2GB", "2gib", "-1KiB", "0.3B", "1e30GiB", "KiB"})
    EXPECT_FALSE(parse_bytes(wrong)) << wrong;
}

}  // namespace
}  // namespace brim
