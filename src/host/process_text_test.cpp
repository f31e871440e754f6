// SPDX-License-Identifier: Apache-2.0
#include "host/process_text.h"

#include "host/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

Mapping one(std::string_view line) {
  auto mappings = parse_maps(line, "maps");
  EXPECT_TRUE(mappings) << error_line(mappings.error());
  if (!mappings || mappings->size() != 1) return {};
  return mappings->front();
}

TEST(Maps, A_line_has_range_permissions_offset_device_inode_and_path) {
  const Mapping m = one("557d34462000-557d34523000 r-xp 0002f000 fe:00 247101    /usr/bin/bash\n");
  EXPECT_EQ(m.start, 0x557d34462000U);
  EXPECT_EQ(m.end, 0x557d34523000U);
  EXPECT_TRUE(m.readable);
  EXPECT_FALSE(m.writable);
  EXPECT_TRUE(m.executable);
  EXPECT_FALSE(m.shared);
  EXPECT_EQ(m.offset, 0x2f000U);
  EXPECT_EQ(m.device, "fe:00");
  EXPECT_EQ(m.inode, 247101U);
  EXPECT_EQ(m.path, "/usr/bin/bash");
  EXPECT_FALSE(m.anonymous());
}

TEST(Maps, Paths_keep_spaces_deleted_marks_and_newlines) {
  const std::string start = "7f00-8f00 rw-s 00000000 00:01 9 ";
  const std::string at = "7f0000-8f0000 rw-s 00000000 00:01 9       ";
  EXPECT_EQ(one(at + "/memfd:pc.ram (deleted)").path, "/memfd:pc.ram (deleted)");
  EXPECT_EQ(one(at + "/tmp/with  two spaces and one at the end ").path,
            "/tmp/with  two spaces and one at the end ");
  EXPECT_EQ(one(at + "/tmp/a\\012b\\012").path, "/tmp/a\nb\n");
  EXPECT_EQ(one(at + "/tmp/back\\slash\\040").path, "/tmp/back\\slash\\040");
  EXPECT_TRUE(one(at + "/x").shared);
  EXPECT_FALSE(parse_maps(start, "maps"));  // not page aligned
}

TEST(Maps, Anonymous_is_what_no_file_backs) {
  EXPECT_TRUE(one("1000-2000 rw-p 00000000 00:00 0 ").anonymous());
  EXPECT_TRUE(one("1000-2000 rw-p 00000000 00:00 0").anonymous());
  EXPECT_TRUE(one("1000-2000 rw-p 00000000 00:00 0    [heap]").anonymous());
  EXPECT_TRUE(one("1000-2000 rw-p 00000000 00:00 0    [anon:guest ram]").anonymous());
  // A System V segment's inode is its id, which begins at 0.
  EXPECT_FALSE(one("1000-2000 rw-s 00000000 00:01 0   /SYSV00000000 (deleted)").anonymous());
}

TEST(Maps, The_last_page_of_the_address_space_is_a_mapping) {
  const Mapping m = one("ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0   [vsyscall]\n");
  EXPECT_EQ(m.bytes(), kPageSize);
  EXPECT_FALSE(m.readable);
}

TEST(Maps, Hostile_lines_are_errors_that_say_where) {
  for (const char* text :
       {"\n", "x", "1000", "1000-2000", "1000-2000 rw-p", "1000-2000 rw-p 0 00:00",
        "1000-2000 rwxq 0 00:00 0", "1000-2000 rw 0 00:00 0", "2000-1000 rw-p 0 00:00 0",
        "1000-1000 rw-p 0 00:00 0", "1001-2000 rw-p 0 00:00 0", "-2000 rw-p 0 00:00 0",
        "1000-2000 rw-p 0 00:00 -1", "1000-2000 rw-p zz 00:00 0", "1000-2000 rw-p 0 0000 0",
        "10000000000000000-20000000000000000 rw-p 0 00:00 0", "1000-2000 rw-p 0 00:00 0x"}) {
    const auto parsed = parse_maps(text, "file");
    ASSERT_FALSE(parsed) << text;
    EXPECT_EQ(parsed.error().where, "file:1") << text;
  }
  EXPECT_TRUE(parse_maps("", "file")->empty());  // a kernel thread
}

TEST(Maps, Addresses_never_go_backwards) {
  const auto parsed = parse_maps("1000-3000 rw-p 0 00:00 0\n2000-4000 rw-p 0 00:00 0\n", "file");
  ASSERT_FALSE(parsed);
  EXPECT_EQ(parsed.error().where, "file:2");
  EXPECT_EQ(parse_maps("1000-3000 rw-p 0 00:00 0\n3000-4000 rw-p 0 00:00 0\n", "file")->size(), 2U);
}

constexpr std::string_view kTail =
    " S 7641 7642 4241 0 -1 4194368 220 509 3 0 11 12 0 0 20 0 1 0 176385 4595712 460 1 2 3\n";

TEST(Stat, Names_may_hold_parentheses_spaces_and_fields_of_their_own) {
  for (const std::string name : {"bash", "(a) b) (", ") S 1 1", "", "(sd-pam)", "a\nb", " ) ("}) {
    const auto stat = parse_stat("7642 (" + name + ")" + std::string(kTail), "stat");
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->name, name);
    EXPECT_EQ(stat->pid, 7642);
    EXPECT_EQ(stat->state, 'S');
    EXPECT_EQ(stat->parent, 7641);
    EXPECT_EQ(stat->minor_faults, 220U);
    EXPECT_EQ(stat->major_faults, 3U);
    EXPECT_EQ(stat->user_ticks, 11U);
    EXPECT_EQ(stat->system_ticks, 12U);
    EXPECT_EQ(stat->start_ticks, 176385U);
    EXPECT_EQ(stat->rss_pages, 460U);
  }
}

TEST(Stat, Truncated_at_any_byte_is_an_error_or_the_same_process) {
  const std::string whole = "7642 (a b)" + std::string(kTail);
  const std::size_t enough = whole.find(" 460");
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto stat = parse_stat(whole.substr(0, length), "stat");
    EXPECT_FALSE(stat && length <= enough + 1) << length;
    EXPECT_TRUE(!stat || stat->start_ticks == 176385) << length;
  }
}

TEST(Stat, Fields_that_are_no_numbers_are_errors) {
  std::string text = "7642 (a)" + std::string(kTail);
  EXPECT_FALSE(parse_stat("x" + text, "stat"));
  EXPECT_FALSE(parse_stat("99999999999 (a)" + std::string(kTail), "stat"));
  text.replace(text.find("176385"), 6, "-17638");
  EXPECT_FALSE(parse_stat(text, "stat"));
}

TEST(Stat, A_resident_set_that_dips_below_0_is_0) {
  std::string text = "1 (a)" + std::string(kTail);
  text.replace(text.find(" 460"), 4, " -4");
  EXPECT_EQ(parse_stat(text, "stat")->rss_pages, 0U);
}

TEST(Status, Sizes_are_bytes_and_a_process_without_them_is_a_kernel_thread) {
  const auto user = parse_status(
      "Name:\ta b\nState:\tS (sleeping)\nUid:\t4294967294\t0\t0\t0\nVmRSS:\t    1976 kB\n"
      "VmSwap:\t 8 kB\n",
      "status");
  ASSERT_TRUE(user);
  EXPECT_EQ(user->name, "a b");
  EXPECT_EQ(user->uid, 4294967294U);
  EXPECT_EQ(user->vm_rss_bytes, 1976U * 1024);
  EXPECT_EQ(user->vm_swap_bytes, 8U * 1024);
  EXPECT_FALSE(user->kernel_thread);
  EXPECT_TRUE(parse_status("Name:\tksmd\nState:\tS\nUid:\t0\t0\n", "status")->kernel_thread);
  EXPECT_FALSE(parse_status("Name:\tx\nState:\tZ (zombie)\nUid:\t0\t0\n", "")->kernel_thread);
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t0\t0\nKthread:\t0\n", "")->kernel_thread);
}

TEST(Status, Hostile_texts_are_errors) {
  EXPECT_FALSE(parse_status("", "status"));
  EXPECT_FALSE(parse_status("Name:\tx\n", "status"));
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t\n", "status"));
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t5000000000\n", "status"));
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t0\nVmRSS:\t99999999999999999999 kB\n", "status"));
  EXPECT_FALSE(parse_status("Name:\tx\nUid:\t0\nVmRSS:\t18446744073709551615 kB\n", "status"));
  EXPECT_EQ(parse_status("Name:\nUid:\t0\n", "status")->name, "");
  EXPECT_EQ(parse_status("Name:\ta\\nb\\\\c\nUid:\t0\n", "status")->name, "a\nb\\c");
}

TEST(KsmStat, What_a_kernel_does_not_tell_is_nothing) {
  const KsmStat old = parse_ksm_stat("ksm_rmap_items 412800\n");
  EXPECT_EQ(old.rmap_items, 412800U);
  EXPECT_FALSE(old.merging_pages);
  EXPECT_FALSE(old.merge_any);
  const KsmStat now = parse_ksm_stat(
      "ksm_rmap_items 3\nksm_zero_pages 2\nksm_merging_pages 1\nksm_process_profit -64\n"
      "ksm_merge_any: no\nksm_mergeable: yes\n");
  EXPECT_EQ(now.zero_pages, 2U);
  EXPECT_EQ(now.merging_pages, 1U);
  EXPECT_EQ(now.process_profit_bytes, -64);
  EXPECT_EQ(now.merge_any, false);
  EXPECT_EQ(now.mergeable, true);
  EXPECT_FALSE(parse_ksm_stat("ksm_rmap_items x\nksm_merge_any: perhaps\n").rmap_items);
}

TEST(ProcessCgroups, Paths_may_hold_colons_and_the_unified_one_has_no_controllers) {
  const auto paths = parse_process_cgroups("4:memory:/a:b\n1:name=systemd:/\n0::/x y\n", "cgroup");
  ASSERT_TRUE(paths);
  EXPECT_EQ(paths->at("memory"), "/a:b");
  EXPECT_EQ(paths->at("name=systemd"), "/");
  EXPECT_EQ(paths->at(""), "/x y");
  EXPECT_FALSE(parse_process_cgroups("memory\n", "cgroup"));
  EXPECT_FALSE(parse_process_cgroups("x:memory:/\n", "cgroup"));
  EXPECT_FALSE(parse_process_cgroups("\n", "cgroup"));
}

TEST(Text, Octal_escapes_are_undone_and_others_left_alone) {
  EXPECT_EQ(unescape_octal("/a\\040b\\011c\\134d"), "/a b\tc\\d");
  EXPECT_EQ(unescape_octal("\\04"), "\\04");
  EXPECT_EQ(unescape_octal("\\x2d\\"), "\\x2d\\");
  EXPECT_EQ(unescape_octal("\\400"), "\\400");
}

TEST(Text, A_last_line_without_newline_counts) {
  Lines lines("a\n\nb");
  EXPECT_EQ(lines.next(), "a");
  EXPECT_EQ(lines.next(), "");
  EXPECT_EQ(lines.next(), "b");
  EXPECT_EQ(lines.number(), 3U);
  EXPECT_FALSE(lines.next());
}

}  // namespace
}  // namespace brim::host
