// SPDX-License-Identifier: Apache-2.0
#include "host/ksm.h"

#include "host/test_processes.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;

TEST(Ksm, A_kernel_6_1_lacks_the_newer_files) {
  const auto ksm = read_ksm(fixture("debian-6.1"));
  ASSERT_TRUE(ksm) << error_line(ksm.error());
  EXPECT_EQ(ksm->run, 1);
  EXPECT_EQ(ksm->pages_to_scan, 1000U);
  EXPECT_EQ(ksm->sleep_millisecs, 20U);
  EXPECT_EQ(ksm->pages_shared, 41012U);
  EXPECT_EQ(ksm->pages_sharing, 152377U);
  EXPECT_EQ(ksm->pages_unshared, 310022U);
  EXPECT_EQ(ksm->pages_volatile, 18800U);
  EXPECT_EQ(ksm->full_scans, 211U);
  EXPECT_EQ(ksm->max_page_sharing, 256U);
  EXPECT_EQ(ksm->use_zero_pages, false);
  EXPECT_EQ(ksm->merge_across_nodes, true);
  EXPECT_EQ(ksm->stable_node_dups, 44U);
  EXPECT_FALSE(ksm->general_profit_bytes || ksm->smart_scan || ksm->advisor_mode ||
               ksm->pages_scanned || ksm->pages_skipped || ksm->ksm_zero_pages);
}

TEST(Ksm, A_kernel_6_18_has_them_all_and_profit_may_be_negative) {
  const auto ksm = read_ksm(fixture("debian-6.18-hybrid"));
  ASSERT_TRUE(ksm) << error_line(ksm.error());
  EXPECT_EQ(ksm->run, 0);
  EXPECT_EQ(ksm->general_profit_bytes, -73216);
  EXPECT_EQ(ksm->smart_scan, true);
  EXPECT_EQ(ksm->advisor_mode, "none");
  EXPECT_EQ(ksm->ksm_zero_pages, 5U);
  EXPECT_EQ(ksm->pages_skipped, 4410U);
  EXPECT_EQ(read_ksm(fixture("cgroup-v2"))->advisor_mode, "scan-time");
}

TEST(Ksm, A_kernel_without_it_is_missing_it_and_says_what_it_needs) {
  const auto ksm = read_ksm(fixture("no-ksm"));
  ASSERT_FALSE(ksm);
  EXPECT_EQ(ksm.error().code, ErrorCode::missing);
  EXPECT_THAT(ksm.error().what, HasSubstr("CONFIG_KSM"));
}

TEST(Ksm, This_kernel_reads_or_says_that_it_has_none) {
  const auto ksm = read_ksm(live_host());
  EXPECT_TRUE(ksm || ksm.error().code == ErrorCode::missing) << error_line(ksm.error());
}

TEST(Ksm, Files_that_hold_something_else_are_errors_that_name_them) {
  std::string root = ::testing::TempDir() + "brim-ksm-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  const std::string directory = root + "/sys/kernel/mm/ksm/";
  std::filesystem::create_directories(directory);
  for (const char* name : {"run", "pages_to_scan", "sleep_millisecs", "pages_shared",
                           "pages_sharing", "pages_unshared", "pages_volatile", "full_scans"})
    std::ofstream(directory + name) << "1\n";
  const Host host = std::move(Host::open(root)).value();
  EXPECT_TRUE(read_ksm(host));
  for (const char* name : {"run", "general_profit", "smart_scan", "pages_shared"}) {
    std::ofstream(directory + name) << "many\n";
    const auto ksm = read_ksm(host);
    ASSERT_FALSE(ksm) << name;
    EXPECT_EQ(ksm.error().where, directory + name);
    std::ofstream(directory + name) << "2\n";
  }
  EXPECT_TRUE(read_ksm(host));
  std::ofstream(directory + "run") << "3\n";
  EXPECT_FALSE(read_ksm(host));
  std::filesystem::remove_all(root);
}

}  // namespace
}  // namespace brim::host
