// SPDX-License-Identifier: Apache-2.0
// What it is told and where it is looked for; the daemon itself is in a guest with version 2 alone
// (tests/live/thrash_v2_test.cpp).
#include "thrash/live/oomd_control.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using testing::HasSubstr;

TEST(OomdControl, Its_configuration_is_what_was_asked_for) {
  EXPECT_EQ(oomd_config({60, std::chrono::seconds(20), 90}),
            "[OOM]\n"
            "SwapUsedLimit=90.00%\n"
            "DefaultMemoryPressureLimit=60.00%\n"
            "DefaultMemoryPressureDurationSec=20000ms\n");
  EXPECT_THAT(oomd_config({12.5, std::chrono::milliseconds(1500), 0}),
              HasSubstr("Limit=12.50%\nDefaultMemoryPressureDurationSec=1500ms\n"));
}

TEST(OomdControl, It_sees_nothing_in_run_but_its_configuration_and_the_socket_where_it_asks) {
  EXPECT_EQ(oomd_surroundings("[OOM]\n", "/tmp/a/socket"),
            "mount -t tmpfs -o mode=0755 brim /run && "
            "mkdir -p /run/systemd/oom /run/systemd/oomd.conf.d && "
            "printf %s '[OOM]\n' >/run/systemd/oomd.conf.d/zz-brim.conf && "
            ": >/run/systemd/io.system.ManagedOOM && "
            "mount --bind /tmp/a/socket /run/systemd/io.system.ManagedOOM && rm -r /tmp/a");
}

// With nothing on PATH.
class OomdControlMade : public testing::Test {
 protected:
  void SetUp() override { ::setenv("PATH", programs_.path().c_str(), 1); }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  void put_on_path() const {
    programs_.write("systemd-oomd", "");
    std::filesystem::permissions(programs_ / "systemd-oomd", std::filesystem::perms(0755));
  }
  static Result<std::unique_ptr<LiveControl>> make(const host::Host& host,
                                                   const std::string& words = "systemd-oomd") {
    const auto chosen = choose_live_control(words, {}, "test");
    EXPECT_TRUE(chosen) << error_line(chosen.error());
    return chosen->policy.make(host, chosen->settings);
  }
  const host::Host version_2_ = host::fixture("group-v2");

 private:
  const std::string path_ = std::getenv("PATH");
  const host::ScratchDirectory programs_;
};

TEST_F(OomdControlMade, Where_it_is_not_installed_the_package_is_named) {
  const auto control = make(version_2_);
  ASSERT_FALSE(control);
  EXPECT_EQ(control.error().code, ErrorCode::missing);
  EXPECT_EQ(control.error().what, "systemd-oomd is not installed: apt-get install systemd-oomd");
}

TEST_F(OomdControlMade, Where_version_1_has_memory_it_is_refused_with_the_reason) {
  put_on_path();
  for (const char* const cgroups : {"group-hybrid", "group-v1"}) {
    const host::Host other = host::fixture(cgroups);
    const auto control = make(other);
    ASSERT_FALSE(control) << cgroups;
    EXPECT_EQ(control.error().code, ErrorCode::missing);
    EXPECT_THAT(control.error().what, HasSubstr("cgroups of version 2 alone"));
    EXPECT_THAT(control.error().what, HasSubstr("'systemd-oomd' can't be had, 'none' can"));
  }
}

TEST_F(OomdControlMade, Who_dies_by_it_is_a_result_and_programs_may_be_several_processes) {
  put_on_path();
  const auto control = make(version_2_, "systemd-oomd(pressure=10,duration=2s,swap=50)");
  ASSERT_TRUE(control) << error_line(control.error());
  EXPECT_TRUE((*control)->kills());
  EXPECT_FALSE((*control)->looks_into_processes());
}

TEST_F(OomdControlMade, A_duration_that_the_daemon_refuses_is_bad_input) {
  put_on_path();
  EXPECT_TRUE(make(version_2_, "systemd-oomd(duration=1s)"));
  const auto control = make(version_2_, "systemd-oomd(duration=999ms)");
  ASSERT_FALSE(control);
  EXPECT_EQ(control.error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace brim::thrash::live
