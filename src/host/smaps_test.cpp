// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::AnyOf;
using ::testing::ElementsAre;

constexpr std::string_view kEntry =
    "7fa26be00000-7fa2ebe00000 rw-p 00000000 00:00 0 \n"
    "Size:            2097152 kB\nRss:             1651200 kB\nPss:             1240010 kB\n"
    "Anonymous:       1651200 kB\nAnonHugePages:   1171456 kB\nSwap:              37120 kB\n"
    "THPeligible:    1\nVmFlags: rd wr mr mw me dc ac dd sd hg mg \n";

TEST(Smaps, Sizes_are_bytes_and_flags_are_words) {
  const auto entries = parse_smaps(kEntry, "smaps");
  ASSERT_TRUE(entries) << error_line(entries.error());
  ASSERT_EQ(entries->size(), 1U);
  const SmapsEntry& entry = entries->front();
  EXPECT_EQ(entry.mapping.start, 0x7fa26be00000U);
  EXPECT_EQ(entry.rss_bytes, 1651200U * 1024);
  EXPECT_EQ(entry.pss_bytes, 1240010U * 1024);
  EXPECT_EQ(entry.anonymous_bytes, 1651200U * 1024);
  EXPECT_EQ(entry.anon_huge_bytes, 1171456U * 1024);
  EXPECT_EQ(entry.swap_bytes, 37120U * 1024);
  EXPECT_FALSE(entry.ksm_bytes);
  EXPECT_TRUE(entry.has_flag("mg"));
  EXPECT_FALSE(entry.has_flag("sh"));
  EXPECT_FALSE(entry.has_flag("m"));
  EXPECT_THAT(entry.flags,
              ElementsAre("rd", "wr", "mr", "mw", "me", "dc", "ac", "dd", "sd", "hg", "mg"));
}

TEST(Smaps, The_KSM_line_of_newer_kernels_is_read_and_0_is_not_nothing) {
  const auto entries = parse_smaps(
      "1000-2000 rw-p 0 00:00 0\nRss: 4 kB\nKSM: 0 kB\n"
      "2000-3000 rw-p 0 00:00 0\nKSM:  4 kB\n",
      "smaps");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(0).ksm_bytes, 0U);
  EXPECT_EQ(entries->at(1).ksm_bytes, 4096U);
}

TEST(Smaps, A_path_that_looks_like_a_key_is_a_path) {
  const auto entries =
      parse_smaps("1000-2000 rw-p 0 00:05 7    /tmp/x Rss: 99 kB\nRss: 4 kB\n", "smaps");
  ASSERT_TRUE(entries);
  EXPECT_EQ(entries->at(0).rss_bytes, 4096U);
  EXPECT_EQ(entries->at(0).mapping.path, "/tmp/x Rss: 99 kB");
}

TEST(Smaps, Hostile_texts_are_errors_with_a_line) {
  EXPECT_EQ(parse_smaps("Rss: 4 kB\n", "f").error().where, "f:1");
  EXPECT_EQ(parse_smaps("1000-2000 rw-p 0 00:00 0\nRss: x kB\n", "f").error().where, "f:2");
  EXPECT_FALSE(parse_smaps("1000-2000 rw-p 0 00:00 0\nRss: 18446744073709551615 kB\n", "f"));
  EXPECT_FALSE(parse_smaps("1000-2000 rw-p 0 00:00 0\nrss: 4 kB\n", "f"));
  EXPECT_TRUE(parse_smaps("", "f")->empty());
}

TEST(Smaps, A_text_cut_anywhere_is_an_error_or_fewer_facts_never_others) {
  const SmapsEntry whole = parse_smaps(kEntry, "f")->front();
  std::size_t accepted = 0;
  for (std::size_t length = 1; length <= kEntry.size(); ++length) {
    SCOPED_TRACE(kEntry.substr(0, length));
    const auto cut = parse_smaps(kEntry.substr(0, length), "f");
    if (!cut) continue;
    ++accepted;
    ASSERT_EQ(cut->size(), 1U);
    const SmapsEntry& entry = cut->front();
    EXPECT_EQ(entry.mapping.end, whole.mapping.end);
    EXPECT_THAT(entry.rss_bytes, AnyOf(0U, whole.rss_bytes));
    EXPECT_THAT(entry.pss_bytes, AnyOf(0U, whole.pss_bytes));
    EXPECT_THAT(entry.anonymous_bytes, AnyOf(0U, whole.anonymous_bytes));
    EXPECT_THAT(entry.anon_huge_bytes, AnyOf(0U, whole.anon_huge_bytes));
    EXPECT_THAT(entry.swap_bytes, AnyOf(0U, whole.swap_bytes));
    EXPECT_LE(entry.flags.size(), whole.flags.size());
  }
  EXPECT_GT(accepted, 5U);
}

TEST(SmapsRollup, All_parts_of_Pss_are_read) {
  const auto rollup = parse_smaps_rollup(
      "55d0-ffff ---p 00000000 00:00 0     [rollup]\nRss: 100 kB\nPss: 90 kB\nPss_Dirty: 5 kB\n"
      "Pss_Anon: 50 kB\nPss_File: 30 kB\nPss_Shmem: 10 kB\nAnonymous: 60 kB\nKSM: 8 kB\n"
      "Swap: 4 kB\nSwapPss: 2 kB\n",
      "f");
  ASSERT_TRUE(rollup);
  EXPECT_EQ(rollup->pss_bytes,
            rollup->pss_anon_bytes + rollup->pss_file_bytes + rollup->pss_shmem_bytes);
  EXPECT_EQ(rollup->rss_bytes, 100U * 1024);
  EXPECT_EQ(rollup->swap_bytes, 4096U);
  EXPECT_EQ(rollup->swap_pss_bytes, 2048U);
  EXPECT_EQ(rollup->ksm_bytes, 8192U);
}

TEST(SmapsRollup, A_text_without_Rss_is_an_error) {
  EXPECT_FALSE(parse_smaps_rollup("", "f"));
  EXPECT_FALSE(parse_smaps_rollup("1000-2000 ---p 0 00:00 0 [rollup]\n", "f"));
  EXPECT_FALSE(parse_smaps_rollup("1000-2000 ---p 0 00:00 0 [rollup]\nRss: -4 kB\n", "f"));
  EXPECT_FALSE(parse_smaps_rollup("1000-2000 ---p 0 00:00 0 [rollup]\nRss: 165", "f")) << "cut";
}

}  // namespace
}  // namespace brim::host
