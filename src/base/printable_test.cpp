// SPDX-License-Identifier: Apache-2.0
#include "base/printable.h"

#include <string>

#include <gtest/gtest.h>

namespace brim {
namespace {

TEST(Printable, Escape_sequences_can_not_reach_a_terminal) {
  EXPECT_EQ(printable("vm\x1b[31m"), "vm\\x1b[31m");
  EXPECT_EQ(printable("a\nb\tc\rd"), "a\\nb\\tc\\rd");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("\u009b31m"), "\\u009b31m");  // C1's own CSI
  EXPECT_EQ(printable(std::string_view("a\0b", 3)), "a\\x00b");
}

TEST(Printable, Invisible_characters_that_deceive_are_shown) {
  EXPECT_EQ(printable("a\u202eb"), "a\\u202eb");
  EXPECT_EQ(printable("a\u2066b\u200bc"), "a\\u2066b\\u200bc");
  EXPECT_EQ(printable("a\u2028b\u2029"), "a\\u2028b\\u2029");
  EXPECT_EQ(printable("\ufeff"), "\\ufeff");
  EXPECT_EQ(printable("\U000e0041"), "\\U000e0041");
}

TEST(Printable, Names_in_any_script_stay) {
  for (const std::string name : {"café", "データベース", "می\u200cخواهم", "👩\u200d💻", "a\\b"})
    EXPECT_EQ(printable(name), name);
}

TEST(Printable, Bytes_that_are_not_UTF8_become_escapes) {
  EXPECT_EQ(printable("a\xff\xfe"), "a\\xff\\xfe");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // a surrogate
  EXPECT_EQ(printable("\xc0\x9b"), "\\xc0\\x9b");                    // overlong escape character
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
}

TEST(Printable, Every_single_byte_gives_visible_ASCII_or_an_escape) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string shown = printable(std::string(1, static_cast<char>(byte)));
    for (const char c : shown) EXPECT_TRUE(c >= ' ' && c <= '~') << byte;
  }
}

TEST(DisplayWidth, Wide_characters_take_two_cells_and_combining_ones_none) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("データ"), 6);
  EXPECT_EQ(display_width("e\u0301"), 1);
  EXPECT_EQ(display_width("é ± –"), 5);
}

}  // namespace
}  // namespace brim
