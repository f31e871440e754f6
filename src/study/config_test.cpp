// SPDX-License-Identifier: Apache-2.0
#include "study/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::study {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] = R"(zebra = 1
apple = "red"

[guests.web]
memory = "2GiB"
loads = [0, 0.5, true]
)";

ConfigNode parsed(std::string_view text) {
  auto root = parse_config(text, "a.toml");
  EXPECT_TRUE(root) << error_line(root.error());
  return root ? std::move(*root) : ConfigNode{};
}

TEST(Config, Keeps_the_order_and_the_lines_of_the_file) {
  const ConfigNode root = parsed(kText);
  const ConfigTable& table = *root.table();
  ASSERT_EQ(table.members.size(), 3u);
  EXPECT_EQ(table.members[0].key, "zebra");
  EXPECT_EQ(table.members[1].key, "apple");
  const ConfigNode& web = *table.find("guests")->table()->find("web");
  const ConfigNode& memory = *web.table()->find("memory");
  EXPECT_EQ(*memory.text(), "2GiB");
  EXPECT_EQ(memory.place(), "a.toml:5");
  const ConfigList& loads = *web.table()->find("loads")->list();
  ASSERT_EQ(loads.size(), 3u);
  EXPECT_EQ(loads[0].kind(), "a whole number");
  EXPECT_EQ(loads[1].kind(), "a number");
  EXPECT_EQ(loads[2].kind(), "true or false");
  EXPECT_EQ(table.find("melon"), nullptr);
}

TEST(Config, What_is_no_TOML_is_told_with_its_line) {
  const auto broken = parse_config("a = 1\nb = \n", "b.toml");
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().where, "b.toml:2");
  EXPECT_EQ(parse_config("a = 1\na = 2\n", "b.toml").error().where, "b.toml:2");
  const auto date = parse_config("\nday = 2026-11-22\n", "b.toml");
  ASSERT_FALSE(date);
  EXPECT_THAT(error_line(date.error()), HasSubstr("b.toml:2: a date"));
}

TEST(Config, A_file_that_is_not_there_or_a_folder_is_bad_input) {
  EXPECT_EQ(read_config("/nowhere/x.toml").error().code, ErrorCode::bad_input);
  EXPECT_FALSE(read_config("/tmp"));
}

TEST(Config, A_value_is_put_at_a_path) {
  ConfigNode root = parsed("a = 1\n[[guests]]\nmemory = 1\n[[guests]]\nmemory = 2\n");
  const ConfigNode value{.value = std::int64_t{7}, .file = "s.toml", .line = 3};
  ASSERT_TRUE(set_at(root, "a", value));
  ASSERT_TRUE(set_at(root, "guests.1.memory", value));
  ASSERT_TRUE(set_at(root, "mechanism.ksm.pages", value));
  const auto number = [](const ConfigNode& node) { return std::get<std::int64_t>(node.value); };
  EXPECT_EQ(number(*root.table()->find("a")), 7);
  const ConfigList& guests = *root.table()->find("guests")->list();
  EXPECT_EQ(number(*guests[0].table()->find("memory")), 1);
  EXPECT_EQ(number(*guests[1].table()->find("memory")), 7);
  for (const char* path : {"guests.2.memory", "guests.x", "a.b"}) {
    const auto wrong = set_at(root, path, value);
    ASSERT_FALSE(wrong) << path;
    EXPECT_THAT(error_line(wrong.error()), HasSubstr("s.toml:3")) << path;
  }
}

}  // namespace
}  // namespace brim::study
