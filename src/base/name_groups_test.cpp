// SPDX-License-Identifier: Apache-2.0
#include "base/name_groups.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

constexpr NameGroupWords kTeams{"team", "TASK", "thrash.together"};

TEST(NameGroups, Lists_what_is_between_commas_without_blanks) {
  EXPECT_THAT(listed_names(" sshd* ,, init "), ElementsAre("sshd*", "init"));
  EXPECT_THAT(listed_names(" "), IsEmpty());
}

TEST(NameGroups, Reads_groups_in_their_order) {
  const auto groups = parse_name_groups("shop=nginx, php*; ;db = postgres*;", kTeams);
  ASSERT_TRUE(groups);
  ASSERT_THAT(*groups, SizeIs(2));
  EXPECT_EQ(groups->at(0).name, "shop");
  EXPECT_THAT(groups->at(0).patterns, ElementsAre("nginx", "php*"));
  EXPECT_EQ(groups->at(1).name, "db");
  EXPECT_THAT(groups->at(1).patterns, ElementsAre("postgres*"));
}

TEST(NameGroups, Names_the_part_that_is_no_group_and_what_was_expected) {
  for (const char* text : {"a=b; shop", "shop=", "shop=,"}) {
    const auto groups = parse_name_groups(text, kTeams);
    ASSERT_FALSE(groups) << text;
    EXPECT_EQ(groups.error().code, ErrorCode::bad_input);
    EXPECT_THAT(error_line(groups.error()),
                testing::HasSubstr("is no team: expected NAME=TASK,TASK"));
    EXPECT_THAT(groups.error().what, testing::HasSubstr("'shop"));
    EXPECT_EQ(groups.error().where, "thrash.together");
  }
  EXPECT_FALSE(parse_name_groups("=nginx", kTeams));
}

TEST(NameGroups, Puts_a_name_into_the_first_group_that_has_it) {
  const auto groups = parse_name_groups("shop=nginx,php?;rest=*", kTeams);
  ASSERT_TRUE(groups);
  EXPECT_EQ(group_of(*groups, "php8"), "shop");
  EXPECT_EQ(group_of(*groups, "php"), "rest");
  EXPECT_EQ(group_of({groups->data(), 1}, "postgres"), "");
}

}  // namespace
}  // namespace brim
