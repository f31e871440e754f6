// SPDX-License-Identifier: Apache-2.0
#include "study/choice_text.h"

#include <array>

#include <gtest/gtest.h>

namespace brim::study {
namespace {

constexpr auto kTokenParameters = std::to_array<Parameter>({
    {"kind", ParameterType::choice, "", "fair", "", "fair,greedy"},
    {"timeout", ParameterType::duration, "", "300s", ""},
});
constexpr auto kControlFamilies = std::to_array<Family>({
    {"none", "", {}},
    {"token", "", kTokenParameters},
});

Result<TextChoice> token(std::string_view text) {
  return parse_choice_text(text, kControlFamilies, "control", "file.toml:3");
}

TEST(ChoiceText, A_name_alone_has_the_defaults) {
  const auto choice = token("token");
  ASSERT_TRUE(choice);
  EXPECT_EQ(choice->place, 1U);
  EXPECT_EQ(choice->settings.get<std::chrono::nanoseconds>("timeout"), std::chrono::seconds(300));
}

TEST(ChoiceText, Values_need_no_quotes_and_may_have_them) {
  for (const char* text :
       {"token(timeout=2s, kind=greedy)", R"(token( kind="greedy",timeout=2s))"}) {
    const auto choice = token(text);
    ASSERT_TRUE(choice) << choice.error().what;
    EXPECT_EQ(choice->settings.get<std::chrono::nanoseconds>("timeout"), std::chrono::seconds(2));
    EXPECT_EQ(choice->settings.get<std::string>("kind"), "greedy");
    EXPECT_EQ(choice->words, text);
  }
}

TEST(ChoiceText, What_is_wrong_is_said_with_what_is_near) {
  EXPECT_EQ(token("tokem").error().what, "no control 'tokem'; did you mean 'token'?");
  EXPECT_EQ(token("tokem").error().where, "file.toml:3");
  EXPECT_NE(token("").error().what.find("there are none, token"), std::string::npos);
  EXPECT_NE(token("token(time=2s)").error().what.find("'time' is not a key here"),
            std::string::npos);
  EXPECT_NE(token("token(kind=gready)").error().what.find("did you mean \"greedy\""),
            std::string::npos);
  for (const char* text : {"token(timeout=2s", "token(timeout)", "token()", "none(timeout=2s)"})
    EXPECT_EQ(token(text).error().code, ErrorCode::bad_input) << text;
}

TEST(ChoiceText, A_list_is_parted_outside_of_brackets) {
  const auto list =
      parse_choice_texts("token(timeout=2s,kind=fair), none", kControlFamilies, "control", "");
  ASSERT_TRUE(list);
  ASSERT_EQ(list->size(), 2U);
  EXPECT_EQ((*list)[0].words, "token(timeout=2s,kind=fair)");
  EXPECT_EQ((*list)[1].place, 0U);
}

}  // namespace
}  // namespace brim::study
