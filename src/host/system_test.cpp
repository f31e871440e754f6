// SPDX-License-Identifier: Apache-2.0
#include "host/system.h"

#include "host/test_processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;

TEST(MemoryInfo, Sizes_are_bytes) {
  const auto info = read_memory_info(fixture("debian-6.1"));
  ASSERT_TRUE(info) << error_line(info.error());
  EXPECT_EQ(info->total_bytes, 16316204U * 1024ULL);
  EXPECT_EQ(info->free_bytes, 6120480U * 1024ULL);
  EXPECT_EQ(info->available_bytes, 9211000U * 1024ULL);
  EXPECT_EQ(info->swap_total_bytes, 999420U * 1024ULL);
  EXPECT_EQ(info->swap_free_bytes, 962300U * 1024ULL);
  EXPECT_EQ(info->anon_huge_bytes, 1171456U * 1024ULL);
}

TEST(MemoryInfo, A_kernel_without_swap_has_none_of_it) {
  const auto info = read_memory_info(fixture("no-ksm"));
  ASSERT_TRUE(info);
  EXPECT_EQ(info->swap_total_bytes, 0U);
}

TEST(MemoryInfo, Old_kernels_free_memory_stands_for_what_is_available) {
  EXPECT_EQ(parse_memory_info("MemTotal: 8 kB\nMemFree: 4 kB\n", "f")->available_bytes, 4096U);
}

TEST(MemoryInfo, Hostile_texts_are_errors) {
  EXPECT_FALSE(parse_memory_info("", "f"));
  EXPECT_FALSE(parse_memory_info("MemFree: 4 kB\n", "f"));
  EXPECT_FALSE(parse_memory_info("MemTotal: 165", "f")) << "cut";
  EXPECT_EQ(parse_memory_info("MemTotal: x kB\n", "f").error().where, "f:1");
  EXPECT_FALSE(parse_memory_info("MemTotal: 99999999999999999999 kB\n", "f"));
}

TEST(Pressure, Averages_are_percent_and_totals_microseconds) {
  const auto pressure = read_pressure(fixture("cgroup-v2"), "/proc/pressure/memory");
  ASSERT_TRUE(pressure) << error_line(pressure.error());
  EXPECT_DOUBLE_EQ(pressure->some.avg10, 1.53);
  EXPECT_DOUBLE_EQ(pressure->some.avg60, 0.87);
  EXPECT_DOUBLE_EQ(pressure->some.avg300, 0.30);
  EXPECT_EQ(pressure->some.total_us, 1254621U);
  ASSERT_TRUE(pressure->full);
  EXPECT_EQ(pressure->full->total_us, 1001213U);
}

TEST(Pressure, Of_a_cgroup_is_read_the_same_way) {
  EXPECT_TRUE(read_pressure(fixture("cgroup-v2"), "/sys/fs/cgroup/machine.slice/memory.pressure"));
}

TEST(Pressure, A_kernel_without_it_is_missing_it) {
  const auto pressure = read_pressure(fixture("no-ksm"), "/proc/pressure/memory");
  ASSERT_FALSE(pressure);
  EXPECT_EQ(pressure.error().code, ErrorCode::missing);
  EXPECT_THAT(pressure.error().what, HasSubstr("CONFIG_PSI"));
}

TEST(Pressure, The_full_line_may_be_absent_and_the_some_line_not) {
  const auto some = parse_pressure("some avg10=0.00 avg60=0.00 avg300=100.00 total=1\n", "f");
  ASSERT_TRUE(some);
  EXPECT_FALSE(some->full);
  EXPECT_FALSE(parse_pressure("full avg10=0.00 avg60=0.00 avg300=0.00 total=1\n", "f"));
  EXPECT_FALSE(parse_pressure("", "f"));
}

TEST(Pressure, Hostile_lines_are_errors) {
  for (const char* text :
       {"some \n", "some avg10=0.00 avg60=0.00 avg300=0.00\n",
        "some avg10=nan avg60=0.00 avg300=0.00 total=1\n",
        "some avg10=-1 avg60=0.00 avg300=0.00 total=1\n",
        "some avg10=0 avg60=0 avg300=0 total=-1\n", "some avg10 avg60=0 avg300=0 total=1\n",
        "some avg10=1e999 avg60=0 avg300=0 total=1\n"})
    EXPECT_FALSE(parse_pressure(text, "f")) << text;
}

TEST(Context, A_host_is_described) {
  const auto context = read_context(fixture("debian-6.1"));
  ASSERT_TRUE(context) << error_line(context.error());
  EXPECT_EQ(context->kernel, "6.1.0-28-amd64");
  EXPECT_EQ(context->cpu_model, "Intel(R) Xeon(R) Gold 6242 CPU @ 2.80GHz");
  EXPECT_EQ(context->processors, 8U);
  EXPECT_EQ(context->governor, "schedutil");
  EXPECT_DOUBLE_EQ(context->load1, 0.52);
  EXPECT_EQ(context->memory_bytes, 16316204U * 1024ULL);
  EXPECT_EQ(context->swap_bytes, 999420U * 1024ULL);
  EXPECT_EQ(context->boot_id, "0b5f3c1e-6a51-4c1c-9f0e-5f3f6f2a7d11");
  EXPECT_EQ(context->hostname, "node1");
  EXPECT_EQ(context->thp, "always");
}

TEST(Context, What_a_host_lacks_is_empty) {
  const auto context = read_context(fixture("no-ksm"));
  ASSERT_TRUE(context) << error_line(context.error());
  EXPECT_EQ(context->governor, "");
  EXPECT_EQ(context->swap_bytes, 0U);
}

TEST(Context, This_machine_is_described) {
  const auto context = read_context(live_host());
  ASSERT_TRUE(context) << error_line(context.error());
  EXPECT_FALSE(context->kernel.empty());
  EXPECT_GE(context->processors, 1U);
  const std::uint64_t pages = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES));
  EXPECT_EQ(context->memory_bytes, pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)));
}

}  // namespace
}  // namespace brim::host
