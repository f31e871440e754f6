// SPDX-License-Identifier: Apache-2.0
#include "host/journal_entry.h"

#include <gtest/gtest.h>

namespace brim::host {
namespace {

TEST(JournalEntry, Texts_round_trip_and_bad_ones_are_refused) {
  const JournalEntry entry{"/proc/x", "a \"b\"", "2", "", "boot", 12, 34, "/copy"};
  const auto text = format_entry(entry);
  ASSERT_TRUE(text);
  const auto again = parse_entry(*text, "x");
  ASSERT_TRUE(again) << error_line(again.error());
  EXPECT_EQ(again->old_value, entry.old_value);
  EXPECT_EQ(again->start_ticks, 34u);
  EXPECT_EQ(again->root, "/copy");
  for (const char* bad : {"", "[]", "{}", "null", "{\"schema\": 1}"})
    EXPECT_FALSE(parse_entry(bad, "x")) << bad;
  for (std::size_t end = 0; end + 2 < text->size(); ++end)
    EXPECT_FALSE(parse_entry(text->substr(0, end), "x")) << "cut at " << end;
}

TEST(JournalEntry, Entries_that_name_no_root_are_of_the_machine_itself) {
  const auto entry = parse_entry(
      R"({"schema": 1, "path": "/proc/x", "old_value": "1", "asked_value": "2", "new_value": "2",
          "boot_id": "b", "pid": 12, "start_ticks": 34})",
      "x");
  ASSERT_TRUE(entry) << error_line(entry.error());
  EXPECT_EQ(entry->root, "/");
}

TEST(JournalEntry, A_path_is_absolute_goes_nowhere_up_and_on_a_live_host_names_a_knob) {
  EXPECT_TRUE(check_path("/sys/kernel/mm/ksm/run", true));
  EXPECT_TRUE(check_path("/etc/x..y", false));
  for (const char* bad : {"", "proc/x", "/proc/../etc/passwd", "/proc/.."}) {
    EXPECT_FALSE(check_path(bad, false)) << bad;
    EXPECT_FALSE(check_path(bad, true)) << bad;
  }
  for (const char* bad : {"/etc/passwd", "/proc", "/system/x"})
    EXPECT_FALSE(check_path(bad, true)) << bad;
  const JournalEntry up{"/proc/../etc/passwd", "1", "2", "2", "boot", 12, 34};
  EXPECT_FALSE(parse_entry(*format_entry(up), "x"));
}

TEST(JournalEntry, Spellings_of_one_value_are_the_same) {
  EXPECT_TRUE(same_value("16", "0x10"));
  EXPECT_TRUE(same_value(" 16\n", "+16"));
  EXPECT_TRUE(same_value("Y", "1"));
  EXPECT_TRUE(same_value("always [madvise] never", "madvise"));
  EXPECT_TRUE(same_value("-0", "0"));
  EXPECT_FALSE(same_value("-1", "1"));
  EXPECT_FALSE(same_value("010", "10")) << "8 to some knobs";
  EXPECT_FALSE(same_value("always [madvise] never", "always"));
  EXPECT_FALSE(same_value("", "0"));
  EXPECT_FALSE(same_value("none", "max"));
}

}  // namespace
}  // namespace brim::host
