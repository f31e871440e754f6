// SPDX-License-Identifier: Apache-2.0
#include "share/live/ksm_control.h"

#include "host/scratch_directory.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::live {
namespace {

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

// A host that runs others' machines, under KSM. Its files are a copy that can be written.
class KsmOfAHost : public testing::Test {
 protected:
  KsmOfAHost() {
    std::filesystem::copy(
        std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/debian-6.1", scratch_ / "host",
        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
    host_.emplace(std::move(host::Host::open(scratch_ / "host")).value());
  }
  [[nodiscard]] std::string knob(const std::string& name) const {
    return host_->read_value("/sys/kernel/mm/ksm/" + name).value_or("?");
  }
  void set(const std::string& name, const std::string& value) const {
    scratch_.write("host/sys/kernel/mm/ksm/" + name, value + "\n");
  }
  [[nodiscard]] Result<KsmControl> take(const KsmPlan& plan) const {
    return KsmControl::take(*host_, scratch_ / "journal", plan);
  }

  const host::ScratchDirectory scratch_;
  std::optional<host::Host> host_;
};

KsmPlan limited_to(std::uint64_t sharing) {
  KsmPlan plan;
  plan.run = true;
  plan.pages_to_scan = 500;
  plan.max_page_sharing = sharing;
  return plan;
}

TEST_F(KsmOfAHost, Nothing_is_unmerged_while_others_memory_may_be_merged) {
  for (const char* merged : {"41012", "0"}) {  // what merges later could not be put back, either
    set("pages_shared", merged);
    const auto control = take(limited_to(16));
    ASSERT_FALSE(control) << merged;
    EXPECT_EQ(control.error().code, ErrorCode::missing);
    EXPECT_THAT(control.error().what, HasSubstr("max_page_sharing to 256"));
    EXPECT_EQ(knob("max_page_sharing"), "256");
    EXPECT_EQ(knob("run"), "1") << "put back";
  }
}

TEST_F(KsmOfAHost, Kernels_that_do_not_tell_of_processes_are_no_exception) {
  for (const auto& process : std::filesystem::directory_iterator(scratch_ / "host/proc"))
    if (process.is_directory()) std::filesystem::remove(process.path() / "ksm_stat");
  EXPECT_FALSE(take(limited_to(16)));
  EXPECT_EQ(knob("max_page_sharing"), "256");
}

TEST_F(KsmOfAHost, The_limit_moves_where_nobody_else_has_mergeable_memory) {
  for (const char* pid : {"2101", "2188", "2300"})
    std::filesystem::remove_all(scratch_ / (std::string("host/proc/") + pid));
  auto control = take(limited_to(16));
  ASSERT_TRUE(control) << error_line(control.error());
  EXPECT_EQ(knob("max_page_sharing"), "16");
  ASSERT_TRUE(control->end(*host_));
  EXPECT_EQ(knob("max_page_sharing"), "256");
  EXPECT_EQ(knob("run"), "1");
}

TEST_F(KsmOfAHost, Settings_are_put_back) {
  auto control = take(limited_to(256));
  ASSERT_TRUE(control) << error_line(control.error());
  EXPECT_EQ(knob("run"), "0");
  ASSERT_TRUE(control->begin());
  EXPECT_EQ(knob("run"), "1");
  EXPECT_EQ(knob("pages_to_scan"), "500");
  ASSERT_TRUE(control->end(*host_));
  EXPECT_EQ(knob("pages_to_scan"), "1000");
}

TEST_F(KsmOfAHost, Ksm_as_it_is_gets_nothing_written) {
  KsmPlan plan;
  plan.as_is = true;
  std::filesystem::remove(scratch_ / "host/sys/kernel/mm/ksm/run");  // would be missed if looked at
  auto control = take(plan);
  ASSERT_TRUE(control) << error_line(control.error());
  EXPECT_TRUE(control->begin());
  EXPECT_FALSE(control->tuned());
  EXPECT_TRUE(control->end(*host_));
  EXPECT_EQ(knob("run"), "?");
  EXPECT_EQ(knob("pages_to_scan"), "1000");
}

TEST_F(KsmOfAHost, Its_notes_tell_how_it_is_set_and_whose_memory_is_known) {
  LivePlan plan;
  plan.ksm.as_is = true;
  EXPECT_THAT(ksm_notes(*host_, plan), Contains(HasSubstr("1000 pages every 20 ms")));
  EXPECT_THAT(ksm_notes(*host_, plan), Contains(HasSubstr("other processes")));
  for (const int pid : {2101, 2188, 2300}) {
    LiveGuestPlan guest;
    guest.found.emplace().pid = pid;
    plan.guests.push_back(guest);
  }
  EXPECT_THAT(ksm_notes(*host_, plan), Not(Contains(HasSubstr("other processes"))));
  plan.ksm = limited_to(256);
  EXPECT_THAT(ksm_notes(*host_, plan), Contains(HasSubstr("stays merged after the study")));
}

}  // namespace
}  // namespace brim::share::live
