// SPDX-License-Identifier: Apache-2.0
#include "report/csv.h"

#include "report/document.h"

#include <charconv>
#include <string>

#include <gtest/gtest.h>

namespace brim::report {
namespace {

Document with_tables(std::vector<Table> tables) {
  Document document;
  Section section;
  section.tables = std::move(tables);
  document.sections = {section};
  return document;
}

Table two_columns(const char* id, std::vector<std::vector<Cell>> rows) {
  return {id, "A title", "", {{"name", "name"}, {"n_pages", "n", Unit::pages}}, std::move(rows)};
}

TEST(Csv, One_table_is_its_header_and_rows) {
  const auto csv =
      to_csv(with_tables({two_columns("t", {{Cell("a"), Cell(std::uint64_t{1234567})}})}), "");
  EXPECT_EQ(csv, "name,n_pages\r\na,1234567\r\n");
}

TEST(Csv, Fields_are_quoted_as_RFC_4180_says) {
  const auto csv = to_csv(with_tables({two_columns("t", {{Cell("a,b"), Cell()},
                                                         {Cell("say \"hi\""), Cell()},
                                                         {Cell("two\r\nlines"), Cell()},
                                                         {Cell(" blank "), Cell()},
                                                         {Cell(""), Cell()},
                                                         {Cell()}})}),
                          "");
  EXPECT_EQ(
      csv,
      "name,n_pages\r\n\"a,b\",\r\n\"say \"\"hi\"\"\",\r\n\"two\r\nlines\",\r\n\" blank \",\r\n"
      "\"\",\r\n,\r\n");
}

TEST(Csv, A_name_can_not_steer_a_terminal_and_keeps_its_line_ends) {
  EXPECT_EQ(csv_field("vm\x1b[31m\x7f\u009b"), "vm\\x1b[31m\\x7f\\u009b");
  EXPECT_EQ(csv_field("a\u202eb\xff"), "a\\u202eb\\xff");
  EXPECT_EQ(csv_field("one\r\ntwo\nthree\rfour\r"), "\"one\r\ntwo\nthree\\rfour\\r\"");
  EXPECT_EQ(csv_field("é データ"), "é データ");
}

TEST(Csv, Values_that_look_like_formulas_stay_as_they_are) {
  const auto csv = to_csv(with_tables({two_columns("t", {{Cell("=1+1"), Cell(-1.0)}})}), "");
  EXPECT_EQ(csv, "name,n_pages\r\n=1+1,-1\r\n");
}

TEST(Csv, Interval_columns_appear_only_where_a_row_has_one) {
  const auto csv = to_csv(
      with_tables({two_columns("t", {{Cell("a"), Cell(2.0, {1, 3.5})}, {Cell("b"), Cell(4.0)}})}),
      "");
  EXPECT_EQ(csv, "name,n_pages,n_pages_low,n_pages_high\r\na,2,1,3.5\r\nb,4,,\r\n");
}

TEST(Csv, Numbers_read_back_as_the_same_double) {
  for (const double value : {0.1, 1.0 / 3, 1e300, 5e-324, -2.5}) {
    const auto csv = to_csv(with_tables({two_columns("t", {{Cell("a"), Cell(value)}})}), "");
    const std::string head = "name,n_pages\r\na,";
    ASSERT_EQ(csv.substr(0, head.size()), head);
    double read = 0;
    std::from_chars(csv.data() + head.size(), csv.data() + csv.size(), read);
    EXPECT_EQ(read, value);
  }
}

TEST(Csv, Several_tables_each_have_a_line_that_names_them) {
  const auto document = with_tables({two_columns("one", {}), two_columns("two", {{Cell("a")}})});
  EXPECT_EQ(to_csv(document, ""),
            "# one: A title\r\nname,n_pages\r\n\r\n# two: A title\r\nname,n_pages\r\na,\r\n\r\n");
  EXPECT_EQ(to_csv(document, "two"), "name,n_pages\r\na,\r\n");
  EXPECT_EQ(to_csv(document, "three"), "");
}

TEST(Csv, A_title_can_not_forge_rows) {
  auto table = two_columns("t", {});
  table.title = "x\r\nforged,1";
  const auto csv = to_csv(with_tables({table, two_columns("u", {})}), "");
  EXPECT_EQ(csv.find("\nforged"), std::string::npos);
}

}  // namespace
}  // namespace brim::report
