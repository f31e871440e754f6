// SPDX-License-Identifier: Apache-2.0
#include "host/processor_times.h"

#include "host/test_processes.h"

#include <gtest/gtest.h>

namespace brim::host {
namespace {

TEST(ProcessorTimes, Idle_waiting_and_stolen_time_is_not_busy) {
  const auto times = parse_processor_times("cpu  10 20 30 400 50 6 7 80 0 0\ncpu0 1 2 3\n", "stat");
  ASSERT_TRUE(times);
  EXPECT_EQ(times->busy.count(), 10 + 20 + 30 + 6 + 7);
  EXPECT_EQ(times->all.count(), 10 + 20 + 30 + 400 + 50 + 6 + 7 + 80);
  EXPECT_EQ(times->user.count(), 10 + 20);
  EXPECT_EQ(times->system.count(), 30 + 6 + 7);
  EXPECT_EQ(times->waiting.count(), 50);
}

TEST(ProcessorTimes, An_old_kernel_has_four_columns_and_less_is_an_error) {
  const auto old = parse_processor_times("cpu  1 2 3 4\n", "stat");
  ASSERT_TRUE(old);
  EXPECT_EQ(old->busy.count(), 6);
  EXPECT_FALSE(parse_processor_times("cpu  1 2 3\n", "stat"));
  EXPECT_FALSE(parse_processor_times("", "stat"));
  EXPECT_FALSE(parse_processor_times("intr 1 2 3 4\n", "stat"));
}

TEST(ProcessorTimes, The_live_host_was_busy_and_time_goes_on) {
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  const auto before = read_processor_times(*host);
  ASSERT_TRUE(before) << error_line(before.error());
  EXPECT_GT(before->busy.count(), 0);
  const auto after = read_processor_times(*host);
  ASSERT_TRUE(after);
  EXPECT_GE(after->all, before->all);
}

TEST(ProcessorTimes, A_kernel_thread_is_found_by_its_name_and_a_program_is_none) {
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  EXPECT_EQ(find_kernel_thread(*host, "no-such-thread").error().code, ErrorCode::missing);
  const auto own = find_kernel_thread(*host, "brim_host_test");
  EXPECT_FALSE(own) << "this test is not the kernel's";
}

}  // namespace
}  // namespace brim::host
