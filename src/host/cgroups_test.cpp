// SPDX-License-Identifier: Apache-2.0
#include "host/process.h"
#include "host/system.h"
#include "host/test_processes.h"

#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string refusal(const Host& host, std::string_view cgroup) {
  const auto pids = pids_in_cgroup(host, cgroup);
  if (pids) return "found";
  EXPECT_EQ(pids.error().code, ErrorCode::bad_input);
  return pids.error().what;
}

TEST(Cgroups, The_layout_follows_from_the_mounts) {
  const auto layout = [](const char* name) { return read_cgroups(fixture(name))->layout; };
  EXPECT_EQ(layout("debian-6.1"), CgroupLayout::v2);
  EXPECT_EQ(layout("cgroup-v2"), CgroupLayout::v2);
  EXPECT_EQ(layout("debian-6.18-hybrid"), CgroupLayout::hybrid);
  EXPECT_EQ(layout("no-ksm"), CgroupLayout::v1);
  EXPECT_EQ(name_of(CgroupLayout::hybrid), "hybrid");
}

TEST(Cgroups, The_memory_controller_is_found_in_either_version) {
  const auto hybrid = read_cgroups(fixture("debian-6.18-hybrid"));
  ASSERT_TRUE(hybrid);
  ASSERT_NE(hybrid->with("memory"), nullptr);
  EXPECT_EQ(hybrid->with("memory")->path, "/sys/fs/cgroup/memory");
  EXPECT_FALSE(hybrid->with("memory")->v2);
  EXPECT_EQ(hybrid->with("hugetlb")->path, "/sys/fs/cgroup/unified");
  EXPECT_TRUE(hybrid->with("hugetlb")->v2);
  EXPECT_EQ(hybrid->with("no such"), nullptr);
  const auto pure = read_cgroups(fixture("cgroup-v2"));
  ASSERT_NE(pure->with("memory"), nullptr);
  EXPECT_TRUE(pure->with("memory")->v2);
  const auto old = read_cgroups(fixture("no-ksm"));
  EXPECT_EQ(old->with("cpuacct"), old->with("cpu"));
  EXPECT_EQ(old->with("name=systemd")->path, "/sys/fs/cgroup/systemd");
}

TEST(Cgroups, Mounts_may_have_spaces_and_later_ones_hide_earlier_ones) {
  const auto mounts = parse_cgroup_mounts(
      "cgroup2 /sys/fs/my\\040cgroups cgroup2 rw 0 0\ncgroup /hidden cgroup rw,memory 0 0\n"
      "tmpfs /hidden tmpfs rw 0 0\nnone /x cgroup rw,xattr,cpu,noprefix 0 0\n",
      "mounts");
  ASSERT_TRUE(mounts);
  ASSERT_EQ(mounts->size(), 2U);
  EXPECT_EQ(mounts->at(0).path, "/sys/fs/my cgroups");
  EXPECT_TRUE(mounts->at(0).v2);
  EXPECT_THAT(mounts->at(1).controllers, ElementsAre("cpu"));
  EXPECT_FALSE(parse_cgroup_mounts("cgroup\n", "mounts"));
  EXPECT_TRUE(parse_cgroup_mounts("", "mounts")->empty());
}

TEST(CgroupPids, Descendants_are_included_in_version_2) {
  const Host host = fixture("cgroup-v2");
  EXPECT_THAT(pids_in_cgroup(host, "machine.slice").value(), ElementsAre(3001, 3002));
  EXPECT_THAT(pids_in_cgroup(host, "/machine.slice/").value(), ElementsAre(3001, 3002));
  EXPECT_THAT(pids_in_cgroup(host, "/sys/fs/cgroup/machine.slice").value(),
              ElementsAre(3001, 3002));
  EXPECT_THAT(pids_in_cgroup(host, "machine-qemu\\x2d2\\x2dapp2.scope").value(), ElementsAre(3002));
  EXPECT_THAT(pids_in_cgroup(host, "machine.slice/machine-qemu\\x2d1\\x2dapp1.scope").value(),
              ElementsAre(3001));
  EXPECT_THAT(pids_in_cgroup(host, "/").value(), ElementsAre(1, 2, 900, 3001, 3002));
  // The same name at two places means both.
  EXPECT_THAT(pids_in_cgroup(host, "emulator").value(), ElementsAre(3001, 3002));
}

TEST(CgroupPids, Hybrid_and_version_1_hierarchies_are_searched) {
  const Host hybrid = fixture("debian-6.18-hybrid");
  EXPECT_THAT(pids_in_cgroup(hybrid, "/lab/tiny").value(), ElementsAre(4242));
  EXPECT_THAT(pids_in_cgroup(hybrid, "/lab").value(), ElementsAre(4242));
  EXPECT_THAT(pids_in_cgroup(hybrid, "/sys/fs/cgroup/memory/lab/tiny").value(), ElementsAre(4242));
  EXPECT_THAT(pids_in_cgroup(hybrid, "tiny").value(), ElementsAre(4242));
  EXPECT_THAT(pids_in_cgroup(hybrid, "/sys/fs/cgroup/memory").value(), ElementsAre(1, 2, 4242));
  EXPECT_THAT(pids_in_cgroup(fixture("no-ksm"), "router.service").value(), ElementsAre(812));
}

TEST(CgroupPids, A_wrong_name_is_answered_with_the_nearest_one) {
  const Host host = fixture("cgroup-v2");
  EXPECT_THAT(refusal(host, "machine.slcie"), HasSubstr("'machine.slice'"));
  EXPECT_THAT(refusal(host, "/machin.slice"), HasSubstr("'/machine.slice'"));
  EXPECT_THAT(refusal(host, "/sys/fs/cgroup/machine.slic"),
              HasSubstr("'/sys/fs/cgroup/machine.slice'"));
  EXPECT_THAT(refusal(host, "something else entirely"), HasSubstr("no cgroup"));
  // A threaded cgroup's processes stand above it.
  EXPECT_THAT(refusal(host, "vcpu0"), HasSubstr("no cgroup 'vcpu0'"));
}

TEST(CgroupPids, Paths_that_go_up_or_say_nothing_are_refused) {
  const Host host = fixture("cgroup-v2");
  EXPECT_THAT(refusal(host, "/machine.slice/../init.scope"), HasSubstr("'..'"));
  EXPECT_THAT(refusal(host, ".."), HasSubstr("'..'"));
  EXPECT_THAT(refusal(host, ""), HasSubstr("no cgroup named"));
  EXPECT_THAT(refusal(host, " "), HasSubstr("no cgroup named"));
  EXPECT_THAT(refusal(host, std::string_view("a\0b", 3)), HasSubstr("no cgroup named"));
}

TEST(CgroupPids, Without_a_hierarchy_there_is_nothing_to_search) {
  std::string root = ::testing::TempDir() + "brim-cgroup-XXXXXX";
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::filesystem::create_directories(root + "/proc");
  std::ofstream(root + "/proc/mounts") << "proc /proc proc rw 0 0\n";
  const Host host = std::move(Host::open(root)).value();
  EXPECT_EQ(read_cgroups(host)->layout, CgroupLayout::none);
  EXPECT_EQ(pids_in_cgroup(host, "/").error().code, ErrorCode::missing);
  // Pids of other namespaces are 0; a text that is no pid is an error; links in circles end.
  std::filesystem::create_directories(root + "/cg/a");
  std::ofstream(root + "/proc/mounts") << "cgroup2 /cg cgroup2 rw 0 0\n";
  std::ofstream(root + "/cg/cgroup.procs") << "5\n0\n5\n";
  std::ofstream(root + "/cg/a/cgroup.procs") << "3\n";
  std::filesystem::create_directory_symlink("..", root + "/cg/a/round");
  EXPECT_THAT(pids_in_cgroup(host, "/").value(), ElementsAre(3, 5));
  std::ofstream(root + "/cg/a/cgroup.procs") << "self\n";
  EXPECT_EQ(pids_in_cgroup(host, "/").error().where, root + "/cg/a/cgroup.procs:1");
  std::filesystem::remove_all(root);
}

TEST(CgroupPids, This_process_is_in_its_own_cgroup) {
  const Host host = live_host();
  const auto cgroups = read_cgroups(host);
  ASSERT_TRUE(cgroups) << error_line(cgroups.error());
  if (cgroups->layout == CgroupLayout::none) GTEST_SKIP() << "no cgroup hierarchy is mounted";
  EXPECT_THAT(pids_in_cgroup(host, "/").value(), Contains(::getpid()));
  const auto own = Process::open(host, ::getpid())->cgroups();
  ASSERT_TRUE(own);
  const CgroupMount* memory = cgroups->with("memory");
  const auto path = own->find(memory != nullptr && !memory->v2 ? "memory" : "");
  if (memory == nullptr || path == own->end()) GTEST_SKIP() << "no memory controller";
  EXPECT_THAT(pids_in_cgroup(host, path->second).value(), Contains(::getpid()));
}

}  // namespace
}  // namespace brim::host
