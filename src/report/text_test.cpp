// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"

#include "base/printable.h"
#include "report/document.h"
#include "report/sample/sample_document.h"
#include "report/text_layout.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::report {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

TextOptions wide(int columns) { return {.columns = columns, .verbose = true, .colour = false}; }

bool is_one_word(std::string_view line) { return trim(line).find(' ') == std::string_view::npos; }

TEST(Wrap, Breaks_at_white_space_and_hangs_the_rest) {
  EXPECT_THAT(wrap("one two three", 8, "", 2), ElementsAre("one two", "  three"));
  EXPECT_THAT(wrap("one  two\n three", 40, "", 0), ElementsAre("one two three"));
  EXPECT_THAT(wrap("warm milk", 14, "warning: ", 9), ElementsAre("warning: warm", "         milk"));
  EXPECT_THAT(wrap("", 10, "", 0), ElementsAre(""));
}

TEST(Wrap, Fills_a_line_to_the_last_cell_and_not_one_more) {
  EXPECT_THAT(wrap("abc def", 7, "", 0), ElementsAre("abc def"));
  EXPECT_THAT(wrap("abc def", 6, "", 0), ElementsAre("abc", "def"));
}

TEST(Wrap, A_word_too_wide_for_the_indent_gives_up_the_indent) {
  EXPECT_THAT(wrap("abcdefgh", 8, "    ", 4), ElementsAre("abcdefgh"));
  EXPECT_THAT(wrap("a abcdefghij", 8, "", 4), ElementsAre("a", "abcdefghij"));
}

TEST(Wrap, Counts_cells_not_bytes) {
  EXPECT_THAT(wrap("データ データ", 13, "", 0), ElementsAre("データ データ"));
  EXPECT_THAT(wrap("データ データ", 12, "", 0), ElementsAre("データ", "データ"));
  EXPECT_THAT(wrap("é é é", 5, "", 0), ElementsAre("é é é"));
}

TEST(Text, No_line_is_wider_than_asked_except_one_unbreakable_word) {
  for (int columns = 20; columns <= 200; ++columns) {
    const std::string text = to_text(sample_document(), wide(columns));
    for (const std::string_view line : split(text, '\n'))
      EXPECT_TRUE(display_width(line) <= columns || is_one_word(line)) << columns << ": " << line;
  }
}

TEST(Text, The_answer_comes_before_warnings_and_these_before_sections) {
  const std::string text = to_text(sample_document(), wide(100));
  const auto answer = text.find("Your VMs hold");
  const auto warning = text.find("warning: 1,204 pages");
  const auto section = text.find("Potential\n");
  ASSERT_NE(answer, std::string::npos);
  EXPECT_LT(answer, warning);
  EXPECT_LT(warning, section);
  EXPECT_NE(section, std::string::npos);
  EXPECT_THAT(text, HasSubstr("(measured)"));
}

TEST(Text, Sections_of_charts_alone_are_for_html) {
  const std::string text = to_text(sample_document(), wide(100));
  EXPECT_THAT(text, Not(HasSubstr("Where the rest goes")));
  EXPECT_THAT(to_html(sample_document()), HasSubstr("Where the rest goes"));
}

TEST(Text, Details_and_context_need_verbose_and_are_announced) {
  const TextOptions brief{.columns = 100, .verbose = false, .colour = false};
  const std::string text = to_text(sample_document(), brief);
  EXPECT_THAT(text, Not(HasSubstr("Largest groups")));
  EXPECT_THAT(text, HasSubstr("With --verbose also: Identical pages."));
  EXPECT_THAT(to_text(sample_document(), wide(100)), HasSubstr("Largest groups"));
  EXPECT_THAT(to_text(sample_document(), wide(100)), HasSubstr("kernel: 6.18.0-1-amd64"));
}

TEST(Text, A_hostile_name_sends_nothing_to_the_terminal) {
  const std::string text = to_text(sample_document(), wide(80));
  for (const char c : text) EXPECT_TRUE(c == '\n' || (c != '\x1b' && c != '\x7f'));
  EXPECT_THAT(text, HasSubstr("\\x1b[31m\\u2028"));
}

TEST(Text, Colour_appears_only_when_asked_and_is_always_closed) {
  const std::string plain = to_text(sample_document(), wide(80));
  EXPECT_THAT(plain, Not(HasSubstr("\x1b")));
  std::string coloured =
      to_text(sample_document(), {.columns = 80, .verbose = true, .colour = true});
  for (const std::string_view line : split(coloured, '\n'))
    EXPECT_TRUE(line.find('\x1b') == std::string_view::npos || line.ends_with("\x1b[0m")) << line;
  // But for the sequences it is the same text.
  for (std::size_t at = coloured.find('\x1b'); at != std::string::npos; at = coloured.find('\x1b'))
    coloured.erase(at, coloured.find('m', at) - at + 1);
  EXPECT_EQ(coloured, plain);
}

Table small_table() {
  return {"t",
          "Small",
          "",
          {{"name", "name"}, {"used_pages", "used pages", Unit::pages}, {"note", "note"}},
          {{Cell("a"), Cell(std::uint64_t{1234567}), Cell("merges well")},
           {Cell("データ"), Cell(std::uint64_t{5}), Cell()}}};
}

TEST(Text, Numbers_stand_flush_right_and_names_flush_left) {
  EXPECT_THAT(table_lines(small_table(), 80),
              ElementsAre("  name    used pages  note", "  ──────  ──────────  ───────────",
                          "  a        1,234,567  merges well", "  データ           5  –"));
}

TEST(Text, A_table_narrows_its_headings_then_its_texts_then_becomes_records) {
  EXPECT_THAT(table_lines(small_table(), 32),
              ElementsAre("               used", "  name        pages  note",
                          "  ──────  ─────────  ───────────", "  a       1,234,567  merges well",
                          "  データ          5  –"));
  EXPECT_THAT(table_lines(small_table(), 27),
              ElementsAre("               used", "  name        pages  note",
                          "  ──────  ─────────  ──────", "  a       1,234,567  merges",
                          "                     well", "  データ          5  –"));
  EXPECT_THAT(table_lines(small_table(), 26),
              ElementsAre("  name: a", "    used pages: 1,234,567", "    note: merges well",
                          "  name: データ", "    used pages:         5", "    note: –"));
}

TEST(Text, Short_rows_are_missing_values_and_empty_tables_say_so) {
  Table table = small_table();
  table.rows = {{Cell("a")}};
  EXPECT_THAT(table_lines(table, 80).back(), HasSubstr("–"));
  table.rows.clear();
  EXPECT_THAT(table_lines(table, 80), ElementsAre("  (none)"));
  table.columns.clear();
  EXPECT_THAT(table_lines(table, 80), ElementsAre("  (none)"));
}

TEST(Text, A_stacked_bar_becomes_its_table) {
  const std::string text = to_text(sample_document(), wide(120));
  EXPECT_THAT(text, HasSubstr("What each VM's pages are"));
  EXPECT_THAT(text, HasSubstr("201,342"));
}

TEST(Text, Odd_charts_and_empty_documents_are_written) {
  EXPECT_FALSE(to_text(odd_document(), wide(40)).empty());
  EXPECT_FALSE(to_text(Document{}, wide(40)).empty());
  EXPECT_FALSE(to_text(sample_document(), wide(-5)).empty());
}

}  // namespace
}  // namespace brim::report
