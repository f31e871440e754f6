// SPDX-License-Identifier: Apache-2.0
#include "base/json_text.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace brim {
namespace {

TEST(JsonText, Written_and_parsed_again_is_the_same) {
  const nlohmann::json value = {{"name", "vm \"a\"\n"}, {"pages", 18446744073709551615U}};
  EXPECT_EQ(parse_json(json_line(value)), value);
  EXPECT_EQ(parse_json(json_text(value)), value);
  EXPECT_EQ(json_line(value).find('\n'), std::string::npos);
  EXPECT_TRUE(json_text(value).ends_with("}\n"));
}

TEST(JsonText, Bytes_that_are_not_utf8_are_replaced) {
  EXPECT_EQ(json_line("a\xff"), "\"a\ufffd\"");
}

TEST(JsonText, Holds_no_control_character_and_still_means_the_same) {
  const nlohmann::json value = {{"name", "\x1b[31m\x7f\u009b\u0080é\u00a0"}};
  for (const std::string& text : {json_line(value), json_text(value)}) {
    EXPECT_EQ(parse_json(text), value);
    for (std::size_t i = 0; i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[i]);
      EXPECT_TRUE(byte >= ' ' || byte == '\n');
      EXPECT_NE(byte, 0x7f);
      const bool c1 = byte == 0xc2 && static_cast<unsigned char>(text[i + 1]) < 0xa0;
      EXPECT_FALSE(c1);
    }
  }
}

TEST(JsonText, Text_that_is_not_one_whole_value_is_nothing) {
  for (const char* text : {"", "{", "{} {}", "nul", "\"a\xff\"", "[1,]"})
    EXPECT_FALSE(parse_json(text)) << text;
  EXPECT_EQ(parse_json("null"), nlohmann::json(nullptr));
}

}  // namespace
}  // namespace brim
