// SPDX-License-Identifier: Apache-2.0
#include "host/capabilities.h"

#include <cerrno>
#include <filesystem>
#include <map>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

using ::testing::HasSubstr;

Host host_of(const std::string& root) {
  auto host = Host::open(root);
  EXPECT_TRUE(host) << root;
  return std::move(*host);
}

std::map<std::string, Capability> probed(const std::string& fixture) {
  std::map<std::string, Capability> by_name;
  const Host host = host_of(std::string(BRIM_SOURCE_DIR) + "/tests/fixtures/hosts/" + fixture);
  for (Capability& capability : probe_capabilities(host)) {
    const std::string name = capability.name;
    EXPECT_TRUE(by_name.emplace(name, std::move(capability)).second) << name << " twice";
  }
  return by_name;
}

TEST(Capabilities, Debian_6_1_lacks_the_newer_ksm_files) {
  auto found = probed("debian-6.1");
  EXPECT_EQ(found["ksm"].works, Works::yes);
  EXPECT_EQ(found["ksm_max_page_sharing"].works, Works::yes);
  for (const char* newer : {"ksm_smart_scan", "ksm_advisor", "ksm_general_profit", "smaps_ksm"}) {
    EXPECT_EQ(found[newer].works, Works::no) << newer;
    EXPECT_THAT(found[newer].turn_on, HasSubstr("boot Linux 6.")) << newer;
  }
  EXPECT_EQ(found["ksm_stat"].works, Works::partly);
  EXPECT_EQ(found["cgroups"].found, "v2");
  EXPECT_EQ(found["cgroup_memory"].works, Works::yes);
}

TEST(Capabilities, A_6_18_with_hybrid_cgroups_has_ksm_stopped_and_memory_on_v1) {
  auto found = probed("debian-6.18-hybrid");
  EXPECT_EQ(found["ksm"].works, Works::partly);
  EXPECT_THAT(found["ksm"].turn_on, HasSubstr("ksm/run"));
  for (const char* newer : {"ksm_smart_scan", "ksm_advisor", "ksm_general_profit", "smaps_ksm"})
    EXPECT_EQ(found[newer].works, Works::yes) << newer;
  EXPECT_EQ(found["cgroups"].found, "hybrid");
  EXPECT_EQ(found["cgroup_memory"].works, Works::partly);
  EXPECT_EQ(found["memory_low"].works, Works::no);
  EXPECT_EQ(found["cgroup_freeze"].works, Works::yes);
  EXPECT_EQ(found["swap"].works, Works::no);
}

TEST(Capabilities, Pure_cgroup_v2_has_the_memory_controls) {
  auto found = probed("cgroup-v2");
  EXPECT_EQ(found["cgroups"].works, Works::yes);
  EXPECT_EQ(found["cgroup_memory"].works, Works::yes);
  EXPECT_EQ(found["cgroup_freeze"].works, Works::yes);
  EXPECT_EQ(found["ksm_advisor"].found, "advisor_mode=scan-time");
  EXPECT_EQ(found["psi"].works, Works::yes);
  EXPECT_EQ(found["swap"].works, Works::yes);
  EXPECT_EQ(found["zswap"].works, Works::yes);
}

TEST(Capabilities, A_kernel_without_ksm_says_so_everywhere) {
  auto found = probed("no-ksm");
  for (const auto& [name, capability] : found) {
    if (!name.starts_with("ksm") || capability.reason.starts_with("not checked")) continue;
    EXPECT_EQ(capability.works, Works::no) << name;
    EXPECT_THAT(capability.reason, HasSubstr("no KSM")) << name;
    EXPECT_THAT(capability.turn_on, HasSubstr("CONFIG_KSM")) << name;
  }
  EXPECT_EQ(found["psi"].works, Works::no);
  EXPECT_EQ(found["cgroups"].found, "v1");
}

TEST(Capabilities, By_use_probes_do_not_judge_a_fixture) {
  auto found = probed("no-ksm");
  for (const char* name : {"ksm_madvise", "kvm", "qemu", "libvirt", "veth", "soft_dirty"}) {
    EXPECT_EQ(found[name].works, Works::partly) << name;
    EXPECT_EQ(found[name].reason, "not checked: not a live host") << name;
  }
}

std::set<std::string> open_descriptors() {
  std::set<std::string> names;
  for (const auto& file : std::filesystem::directory_iterator("/proc/self/fd"))
    names.insert(file.path().filename());
  return names;
}

TEST(Capabilities, This_machine_gives_every_answer_twice_and_nothing_is_left_behind) {
  const Host host = host_of("/");
  const auto descriptors = open_descriptors();
  const auto mounts = host.read_file("/proc/self/mounts");
  const auto links = host.list("/sys/class/net");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();
  const auto first = probe_capabilities(host);
  const auto second = probe_capabilities(host);
  EXPECT_EQ(::testing::internal::GetCapturedStdout(), "");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(open_descriptors(), descriptors);
  EXPECT_EQ(*host.read_file("/proc/self/mounts"), *mounts);
  EXPECT_EQ(*host.list("/sys/class/net"), *links);
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  ASSERT_EQ(first.size(), second.size());
  std::set<std::string> names;
  for (std::size_t i = 0; i < first.size(); ++i) {
    names.insert(first[i].name);
    EXPECT_EQ(first[i].name, second[i].name);
    // Whether the kernel collapses or reclaims pages when asked depends on what else it has to do.
    if (first[i].name != "thp_madvise" && first[i].name != "madv_pageout") {
      EXPECT_EQ(first[i].works, second[i].works) << first[i].name;
    }
    EXPECT_FALSE(first[i].checked_by.empty()) << first[i].name;
    EXPECT_EQ(first[i].reason.empty(), first[i].works == Works::yes) << first[i].name;
  }
  for (const char* name : {"ksm",
                           "ksm_smart_scan",
                           "ksm_advisor",
                           "ksm_use_zero_pages",
                           "ksm_general_profit",
                           "ksm_max_page_sharing",
                           "ksm_madvise",
                           "ksm_prctl",
                           "ksm_stat",
                           "smaps_ksm",
                           "thp",
                           "thp_madvise",
                           "hugetlb",
                           "pagemap",
                           "pagemap_frames",
                           "kpageflags",
                           "kpagecount",
                           "process_memory",
                           "page_idle",
                           "soft_dirty",
                           "psi",
                           "psi_trigger",
                           "swap",
                           "swapon",
                           "zram",
                           "zswap",
                           "mglru",
                           "madv_pageout",
                           "process_madvise",
                           "cgroups",
                           "cgroup_memory",
                           "cgroup_freeze",
                           "memory_low",
                           "memory_high",
                           "memory_reclaim",
                           "user_namespace",
                           "network_namespace",
                           "mount_namespace",
                           "veth",
                           "tap",
                           "vhost_net",
                           "netdev_netlink",
                           "tracefs",
                           "tracefs_instances",
                           "napi_poll_tracepoint",
                           "kprobes",
                           "hardware_virtualization",
                           "kvm",
                           "qemu",
                           "libvirt",
                           "hardware_counters"})
    EXPECT_TRUE(names.contains(name)) << name;
  EXPECT_EQ(names.size(), first.size()) << "a name twice";
}

}  // namespace
}  // namespace brim::host
