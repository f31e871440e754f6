// SPDX-License-Identifier: Apache-2.0
#include "host/guest_cgroup.h"

#include "host/dependent_process.h"
#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

std::string first_word(const std::string& path) {
  std::ifstream file(path);
  std::string word;
  file >> word;
  return word;
}

TEST(GuestCgroup, Its_place_is_below_the_hierarchy_that_has_the_memory_controller) {
  EXPECT_EQ(guest_cgroup_path(fixture("debian-6.18-hybrid"), "brim-lab-a").value_or(""),
            "/sys/fs/cgroup/memory/brim-lab-a");
  EXPECT_EQ(guest_cgroup_path(fixture("no-ksm"), "brim-lab-a").value_or(""),
            "/sys/fs/cgroup/memory/brim-lab-a");
}

TEST(GuestCgroup, In_version_2_the_root_must_pass_the_memory_controller_on) {
  const ScratchDirectory root;
  root.write("proc/mounts", "cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n");
  root.write("sys/fs/cgroup/cgroup.controllers", "cpu memory\n");
  root.write("sys/fs/cgroup/cgroup.subtree_control", "cpu memory\n");
  const auto host = Host::open(root.path());
  ASSERT_TRUE(host);
  EXPECT_EQ(guest_cgroup_path(*host, "brim-lab-a").value_or(""), "/sys/fs/cgroup/brim-lab-a");
  root.write("sys/fs/cgroup/cgroup.subtree_control", "cpu\n");
  const auto kept = guest_cgroup_path(*host, "brim-lab-a");
  ASSERT_FALSE(kept);
  EXPECT_EQ(kept.error().code, ErrorCode::missing);
  EXPECT_NE(kept.error().what.find("echo +memory >"), std::string::npos) << kept.error().what;
  root.write("sys/fs/cgroup/cgroup.controllers", "cpu\n");
  EXPECT_EQ(guest_cgroup_path(*host, "brim-lab-a").error().code, ErrorCode::missing);
}

TEST(GuestCgroup, None_is_made_or_removed_but_on_the_live_machine_and_under_brim_s_name) {
  EXPECT_FALSE(GuestCgroup::create(fixture("debian-6.18-hybrid"), "brim-lab-a", mebibytes(64)));
  const ScratchDirectory scratch;
  scratch.write("precious/file", "text");
  std::filesystem::create_directory(scratch / "others");
  EXPECT_EQ(remove_guest_cgroup(scratch / "others").error().code, ErrorCode::bad_input);
  EXPECT_TRUE(std::filesystem::exists(scratch / "others"));
  EXPECT_TRUE(remove_guest_cgroup(scratch / "brim-lab-none"));
}

// Live: as root, where there is a memory controller.
TEST(GuestCgroup, It_limits_what_runs_in_it_and_ends_it_when_it_goes) {
  const auto host = Host::open("/");
  ASSERT_TRUE(host);
  const std::string name = "brim-lab-unit-" + std::to_string(::getpid());
  if (::geteuid() != 0 || !guest_cgroup_path(*host, name))
    GTEST_SKIP() << "needs root and a memory controller";
  std::string path;
  std::optional<DependentProcess> process;
  {
    auto cgroup = GuestCgroup::create(*host, name, mebibytes(64));
    ASSERT_TRUE(cgroup) << error_line(cgroup.error());
    path = cgroup->path();
    const bool v2 = std::filesystem::exists(path + "/memory.max");
    EXPECT_EQ(first_word(path + (v2 ? "/memory.max" : "/memory.limit_in_bytes")), "67108864");
    EXPECT_FALSE(GuestCgroup::create(*host, name, mebibytes(64))) << "it is there already";
    EXPECT_TRUE(std::filesystem::exists(path)) << "and stays";
    auto started = DependentProcess::start({{"sleep", "60"}, "", path});
    ASSERT_TRUE(started) << error_line(started.error());
    process.emplace(std::move(*started));
    EXPECT_EQ(first_word(path + "/cgroup.procs"), std::to_string(process->pid()));
    const GuestCgroup moved = std::move(*cgroup);
    EXPECT_TRUE(std::filesystem::exists(path)) << "moving it removes nothing";
  }
  EXPECT_FALSE(process->running());
  EXPECT_FALSE(std::filesystem::exists(path));
}

}  // namespace
}  // namespace brim::host
