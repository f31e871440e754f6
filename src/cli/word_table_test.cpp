// SPDX-License-Identifier: Apache-2.0
#include "cli/word_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::cli {
namespace {

using testing::SizeIs;

WordTable two_knobs() {
  return {"changes",
          "What would be set",
          "Knobs",
          {{"knob", "/sys/kernel/mm/ksm/"}, {"value", "value"}},
          {{"run", "1"}, {"sleep_millisecs", "20"}}};
}

TEST(WordTable, Is_a_section_of_one_table_with_a_cell_for_each_text) {
  const report::Section section = section_of(two_knobs());
  EXPECT_EQ(section.id, "changes");
  EXPECT_EQ(section.title, "What would be set");
  EXPECT_FALSE(section.detail);
  ASSERT_THAT(section.tables, SizeIs(1));
  const report::Table& table = section.tables.front();
  EXPECT_EQ(table.id, "changes");
  EXPECT_EQ(table.title, "Knobs");
  ASSERT_THAT(table.columns, SizeIs(2));
  EXPECT_EQ(table.columns[0].key, "knob");
  EXPECT_EQ(table.columns[0].title, "/sys/kernel/mm/ksm/");
  ASSERT_THAT(table.rows, SizeIs(2));
  ASSERT_THAT(table.rows[1], SizeIs(2));
  EXPECT_EQ(std::get<std::string>(table.rows[1][0].value), "sleep_millisecs");
  EXPECT_EQ(std::get<std::string>(table.rows[1][1].value), "20");
}

TEST(WordTable, Gives_its_rows_under_the_columns_keys) {
  EXPECT_EQ(rows_json(two_knobs()), nlohmann::json::parse(R"([{"knob": "run", "value": "1"},
                                      {"knob": "sleep_millisecs", "value": "20"}])"));
}

TEST(WordTable, Without_rows_is_an_empty_list) {
  WordTable table = two_knobs();
  table.rows.clear();
  EXPECT_EQ(rows_json(table), nlohmann::json::array());
}

}  // namespace
}  // namespace brim::cli
