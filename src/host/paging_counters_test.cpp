// SPDX-License-Identifier: Apache-2.0
#include "host/paging_counters.h"

#include <gtest/gtest.h>

namespace brim::host {
namespace {

TEST(PagingCounters, Each_is_its_own_line_and_not_one_that_begins_alike) {
  const PagingCounters counters = parse_paging_counters(
      "pgpgin 100\npgpgout 250\npgpgoutrun 7\npgfault 30\npgmajfault 4\n"
      "pgscan_kswapd 11\npgscan_direct 22\npgscan_direct_throttle 5\noom_kill 1\n");
  EXPECT_EQ(counters.block_in_kibibytes, 100U);
  EXPECT_EQ(counters.block_out_kibibytes, 250U);
  EXPECT_EQ(counters.faults, 30U);
  EXPECT_EQ(counters.major_faults, 4U);
  EXPECT_EQ(counters.scanned, Pages(33));
  EXPECT_EQ(counters.oom_kills, 1U);
}

TEST(PagingCounters, What_a_kernel_does_not_count_is_nothing_and_not_0) {
  const PagingCounters counters = parse_paging_counters("pgscan_kswapd 11\npgpgin 0\n");
  EXPECT_EQ(counters.block_in_kibibytes, 0U);
  EXPECT_FALSE(counters.block_out_kibibytes);
  EXPECT_FALSE(counters.scanned) << "half of a sum is none";
  EXPECT_FALSE(counters.oom_kills);
}

TEST(PagingCounters, Refaults_of_older_kernels_are_those_of_files) {
  const PagingCounters now = parse_paging_counters(
      "workingset_refault_anon 3\nworkingset_refault_file 5\nworkingset_refault 9\n");
  EXPECT_EQ(now.refaults_anonymous, Pages(3));
  EXPECT_EQ(now.refaults_file, Pages(5));
  const PagingCounters before = parse_paging_counters("workingset_refault 9\n");
  EXPECT_FALSE(before.refaults_anonymous);
  EXPECT_EQ(before.refaults_file, Pages(9));
}

TEST(PagingCounters, The_live_host_counts_faults) {
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  const auto before = read_paging_counters(*host);
  ASSERT_TRUE(before) << error_line(before.error());
  ASSERT_TRUE(before->faults && before->major_faults);
  EXPECT_GT(*before->faults, *before->major_faults);
}

}  // namespace
}  // namespace brim::host
