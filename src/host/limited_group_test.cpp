// SPDX-License-Identifier: Apache-2.0
#include "host/limited_group.h"

#include "host/cgroup_folder.h"
#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <algorithm>
#include <filesystem>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char kName[] = "brim-group-a";

GroupPlaces places_in(const std::string& name) {
  auto places = group_places(fixture(name), kName);
  EXPECT_TRUE(places) << error_line(places.error());
  return places.value_or(GroupPlaces{});
}
GroupReading reading_of(const std::string& name) {
  return read_group(fixture(name), places_in(name));
}

// What memory tells in all three.
void expect_common_numbers(const GroupReading& reading) {
  EXPECT_EQ(reading.memory, Bytes(67104768));
  EXPECT_EQ(reading.limit_hits, 20410U);
  EXPECT_EQ(reading.oom_kills, 1U);
  EXPECT_EQ(reading.page_faults, 33210U);
  EXPECT_EQ(reading.major_faults, 1190U);
}

template <class T>
void expect_missing(const Result<T>& result, const std::string& reason) {
  ASSERT_FALSE(result) << reason;
  EXPECT_EQ(result.error().code, ErrorCode::missing);
  EXPECT_THAT(result.error().what, HasSubstr(reason));
}

TEST(GroupLayout, Pure_version_2_has_all_in_one_folder) {
  const GroupPlaces places = places_in("group-v2");
  EXPECT_THAT(places.folders(), ElementsAre("/sys/fs/cgroup/brim-group-a"));
  EXPECT_TRUE(places[GroupPart::memory].v2);
  EXPECT_EQ(places[GroupPart::io].folder, "") << "the root does not pass it on";
}

TEST(GroupLayout, Hybrid_has_a_twin_in_version_2_which_is_removed_first) {
  const GroupPlaces places = places_in("group-hybrid");
  EXPECT_THAT(places.folders(), ElementsAre("/sys/fs/cgroup/unified/brim-group-a",
                                            "/sys/fs/cgroup/memory/brim-group-a",
                                            "/sys/fs/cgroup/blkio/brim-group-a"));
  EXPECT_FALSE(places[GroupPart::memory].v2);
  EXPECT_TRUE(places[GroupPart::freezing].v2);
  EXPECT_TRUE(places[GroupPart::processor].v2);
}

TEST(GroupLayout, Version_1_has_a_folder_a_controller) {
  const GroupPlaces places = places_in("group-v1");
  EXPECT_THAT(places.folders(), ElementsAre("/sys/fs/cgroup/freezer/brim-group-a",
                                            "/sys/fs/cgroup/memory/brim-group-a",
                                            "/sys/fs/cgroup/cpu,cpuacct/brim-group-a"));
  EXPECT_EQ(places[GroupPart::pressure].folder, "");
}

TEST(GroupReading, Of_pure_version_2) {
  const GroupReading reading = reading_of("group-v2");
  expect_common_numbers(reading);
  EXPECT_EQ(reading.swap, Bytes(66846720));
  EXPECT_EQ(reading.swap_cached, Bytes(8192));
  EXPECT_EQ(reading.refaults_anonymous, Pages(1188));
  EXPECT_EQ(reading.refaults_file, Pages(5));
  EXPECT_EQ(reading.scanned, Pages(52111));
  EXPECT_EQ(reading.reclaimed, Pages(40030));
  EXPECT_EQ(reading.swapped_in, Pages(1190));
  EXPECT_EQ(reading.swapped_out, Pages(16320));
  EXPECT_EQ(reading.user_time, std::chrono::milliseconds(410));
  EXPECT_EQ(reading.system_time, std::chrono::milliseconds(320));
  ASSERT_TRUE(reading.pressure);
  EXPECT_DOUBLE_EQ(reading.pressure->some.avg10, 12.5);
  EXPECT_EQ(reading.pressure->full->total_us, 4000123U);
  expect_missing(reading.read, "echo +io > /sys/fs/cgroup/cgroup.subtree_control");
}

TEST(GroupReading, Of_hybrid) {
  const GroupReading reading = reading_of("group-hybrid");
  expect_common_numbers(reading);
  EXPECT_EQ(reading.swap, Bytes(66846720)) << "with what those below it have";
  EXPECT_EQ(reading.refaults_anonymous, Pages(1188));
  EXPECT_EQ(reading.user_time, std::chrono::milliseconds(410));
  EXPECT_DOUBLE_EQ(reading.pressure->full->avg10, 9.75);
  EXPECT_EQ(reading.read, Bytes(4874240 + 4096)) << "of all devices, without the totals";
  EXPECT_EQ(reading.written, Bytes(8192));
  expect_missing(reading.scanned, "version 1 do not tell it");
  expect_missing(reading.reclaimed, "version 1");
  expect_missing(reading.swapped_in, "version 1");
  expect_missing(reading.swapped_out, "version 1");
}

TEST(GroupReading, A_kernel_that_counts_no_input_and_output_has_none_and_not_0_of_it) {
  const ScratchDirectory root;
  root.write("proc/mounts", "cgroup /io cgroup rw,blkio 0 0\n");
  root.write("io/brim-group-a/blkio.throttle.io_service_bytes", "Total 0\n");
  const Host host = std::move(Host::open(root.path())).value();
  const GroupReading reading = read_group(host, group_places(host, kName).value());
  expect_missing(reading.read, "throttle");
  expect_missing(reading.written, "throttle");
}

TEST(GroupReading, Of_version_1) {
  const GroupReading reading = reading_of("group-v1");
  expect_common_numbers(reading);
  EXPECT_EQ(reading.user_time, std::chrono::nanoseconds(410000123));
  EXPECT_EQ(reading.system_time, std::chrono::nanoseconds(320000456));
  expect_missing(reading.swap, "no 'total_swap'");
  expect_missing(reading.swap_cached, "no 'total_swapcached'");
  expect_missing(reading.refaults_file, "no 'total_workingset_refault_file'");
  expect_missing(reading.pressure, "version 2");
  expect_missing(reading.read, "blkio");
}

TEST(GroupReading, Of_a_group_that_is_not_there_nothing_is_told) {
  const Host host = fixture("group-v2");
  const GroupReading reading = read_group(host, group_places(host, "brim-group-b").value());
  EXPECT_EQ(reading.memory.error().code, ErrorCode::missing);
  EXPECT_EQ(reading.major_faults.error().code, ErrorCode::missing);
  EXPECT_EQ(reading.pressure.error().code, ErrorCode::missing);
}

TEST(GroupReading, Of_files_that_hold_something_else_are_errors) {
  const ScratchDirectory root;
  root.write("proc/mounts", "cgroup2 /cg cgroup2 rw 0 0\n");
  root.write("cg/cgroup.controllers", "memory io\n");
  root.write("cg/cgroup.subtree_control", "memory io\n");
  root.write("cg/brim-group-a/memory.current", "many\n");
  root.write("cg/brim-group-a/memory.stat", "pgfault many\npgmajfaults 3\n");
  root.write("cg/brim-group-a/io.stat", "8:0 rbytes=4096 wbytes=x\n");
  const Host host = std::move(Host::open(root.path())).value();
  const GroupReading reading = read_group(host, group_places(host, kName).value());
  EXPECT_EQ(reading.memory.error().code, ErrorCode::io);
  EXPECT_FALSE(reading.page_faults);
  EXPECT_FALSE(reading.major_faults) << "another key that begins like it";
  EXPECT_EQ(reading.read, Bytes(4096));
  EXPECT_EQ(reading.written.error().code, ErrorCode::io);
  root.write("cg/brim-group-a/io.stat", "");
  EXPECT_EQ(read_group(host, group_places(host, kName).value()).written, Bytes(0));
}

TEST(LimitedGroup, Is_made_on_the_live_machine_only) {
  const ScratchDirectory scratch;
  const auto group =
      LimitedGroup::create(fixture("group-v2"), scratch.path(), "a", {mebibytes(64), {}});
  ASSERT_FALSE(group);
  EXPECT_EQ(group.error().code, ErrorCode::missing);
  EXPECT_TRUE(std::filesystem::is_empty(scratch.path()));
}

// Live: as root, where the freezer of version 1 is mounted.
TEST(LimitedGroup, What_the_freezer_of_version_1_holds_can_be_killed_and_its_folder_removed) {
  const auto cgroups = read_cgroups(live_host());
  const CgroupMount* const freezer = cgroups ? cgroups->with("freezer") : nullptr;
  if (::geteuid() != 0 || freezer == nullptr || freezer->v2)
    GTEST_SKIP() << "needs root and the freezer of version 1";
  const std::string folder =
      fmt::format("{}/{}unit-{}", freezer->path, kLimitedGroupPrefix, ::getpid());
  ASSERT_TRUE(std::filesystem::create_directory(folder));
  const WaitingChild child;
  ASSERT_TRUE(write_control(folder + "/cgroup.procs", std::to_string(child.pid())));
  ASSERT_TRUE(write_control(folder + "/freezer.state", "FROZEN"));
  EXPECT_FALSE(remove_cgroup_folder(folder, "brim-lab-", "others"));
  EXPECT_TRUE(std::filesystem::exists(folder));
  const auto removed = remove_cgroup_folder(folder, kLimitedGroupPrefix, "this test");
  EXPECT_TRUE(removed) << error_line(removed.error());
  EXPECT_FALSE(std::filesystem::exists(folder));
}

// Live: as root, where version 2 is mounted.
TEST(LimitedGroup, Its_folder_is_removed_with_those_below_it_and_what_runs_there) {
  const auto cgroups = read_cgroups(live_host());
  ASSERT_TRUE(cgroups) << error_line(cgroups.error());
  const auto v2 = std::ranges::find_if(cgroups->mounts, &CgroupMount::v2);
  if (::geteuid() != 0 || v2 == cgroups->mounts.end())
    GTEST_SKIP() << "needs root and cgroups of version 2";
  const std::string folder = fmt::format("{}/{}unit-{}", v2->path, kLimitedGroupPrefix, ::getpid());
  ASSERT_TRUE(std::filesystem::create_directories(folder + "/below/deeper"));
  const WaitingChild child;
  ASSERT_TRUE(write_control(folder + "/below/deeper/cgroup.procs", std::to_string(child.pid())));
  const auto removed = remove_cgroup_folder(folder, kLimitedGroupPrefix, "this test");
  EXPECT_TRUE(removed) << error_line(removed.error());
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST(GroupRecords, Folders_that_are_not_brims_are_never_removed) {
  const ScratchDirectory scratch;
  const std::string boot = live_host().read_value("/proc/sys/kernel/random/boot_id").value_or("");
  const auto cgroups = read_cgroups(live_host());
  if (!cgroups || cgroups->mounts.empty()) GTEST_SKIP() << "no cgroup hierarchy is mounted";
  std::filesystem::create_directory(scratch / "brim-group-a");
  for (const std::string& folder :
       {cgroups->mounts.front().path + "/system.slice", scratch / "brim-group-a",
        cgroups->mounts.front().path + "/x/../brim-group-a/../../brim-group-b"}) {
    scratch.write("groups/left.json",
                  fmt::format(R"({{"group": ["{}"], "boot_id": "{}", "owner_pid": 4194305, )"
                              R"("owner_start_ticks": 1}})",
                              folder, boot));
    const auto lines = remove_abandoned_groups(live_host(), scratch / "groups");
    ASSERT_EQ(lines.size(), 1U) << folder;
    EXPECT_THAT(lines.front(), HasSubstr("not a record"));
  }
  EXPECT_TRUE(std::filesystem::exists(scratch / "brim-group-a"));
  EXPECT_TRUE(std::filesystem::exists(scratch / "groups/left.json"));
}

TEST(GroupRecords, What_is_gone_already_needs_no_word) {
  const ScratchDirectory scratch;
  const auto cgroups = read_cgroups(live_host());
  if (!cgroups || cgroups->mounts.empty()) GTEST_SKIP() << "no cgroup hierarchy is mounted";
  scratch.write(
      "groups/left.json",
      fmt::format(R"({{"group": ["{}/brim-group-none"], "boot_id": "{}", )"
                  R"("owner_pid": 4194305, "owner_start_ticks": 1}})",
                  cgroups->mounts.front().path,
                  live_host().read_value("/proc/sys/kernel/random/boot_id").value_or("")));
  EXPECT_THAT(remove_abandoned_groups(live_host(), scratch / "groups"), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(scratch / "groups"));
}

}  // namespace
}  // namespace brim::host
