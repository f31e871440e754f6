// SPDX-License-Identifier: Apache-2.0
#include "host/io_limits.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace brim::host {
namespace {

using testing::HasSubstr;

// Disks as sysfs shows them: one with two partitions, a device mapper's, a multipath disk's path
// without a number.
class DisksOfAHost {
 public:
  DisksOfAHost() {
    scratch_.write("sys/block/nvme0c0n1/size", "8\n");
    scratch_.write("sys/block/sda/dev", "8:0\n");
    scratch_.write("sys/block/sda/queue/rotational", "1\n");
    scratch_.write("sys/block/sda/sda1/dev", "8:1\n");
    scratch_.write("sys/block/sda/sda1/partition", "1\n");
    scratch_.write("sys/block/sda/sda2/dev", "259:3\n");
    scratch_.write("sys/block/sda/sda2/partition", "2\n");
    scratch_.write("sys/block/dm-0/dev", "252:0\n");
    scratch_.write("sys/block/dm-0/slaves/sda2/dev", "259:3\n");
    scratch_.write("sys/block/dm-0/slaves/sda2/partition", "2\n");
  }
  [[nodiscard]] std::string disk(unsigned major, unsigned minor) const {
    const Host host = std::move(Host::open(scratch_.path())).value();
    auto disk = disk_of(host, makedev(major, minor));
    return disk ? *disk : error_line(disk.error());
  }

 private:
  ScratchDirectory scratch_;
};

TEST(DiskBelow, Of_a_partition_it_is_the_whole_disk) {
  const DisksOfAHost host;
  EXPECT_EQ(host.disk(8, 1), "8:0");
  EXPECT_EQ(host.disk(259, 3), "8:0") << "with another major number than its disk's";
}

TEST(DiskBelow, A_device_that_is_no_partition_is_itself_also_on_a_partition) {
  const DisksOfAHost host;
  EXPECT_EQ(host.disk(8, 0), "8:0");
  EXPECT_EQ(host.disk(252, 0), "252:0");
}

TEST(DiskBelow, What_has_no_block_device_says_so) {
  const DisksOfAHost host;
  EXPECT_THAT(host.disk(0, 45), HasSubstr("btrfs, overlay and tmpfs"));
  EXPECT_THAT(host.disk(8, 16), HasSubstr("no disk here has the device 8:16"));
  const auto folder = disk_below(live_host(), "/proc");
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().code, ErrorCode::missing);
  EXPECT_EQ(folder.error().where, "/proc");
  EXPECT_FALSE(disk_below(live_host(), "/no such folder"));
}

// Groups of cgroup mounts below /cg, with the files that limit in them, and in the root of
// version 1.
class LimitableGroup {
 public:
  explicit LimitableGroup(const std::string& mounts) {
    scratch_.write("proc/mounts", mounts);
    for (const char* folder : {"cg/io/", "cg/io/brim-group-a/"})
      for (const char* file : {"read_iops", "write_iops", "read_bps", "write_bps"})
        scratch_.write(std::string(folder) + "blkio.throttle." + file + "_device", "");
    scratch_.write("cg/two/cgroup.controllers", "memory io\n");
    scratch_.write("cg/two/cgroup.subtree_control", "memory io\n");
    scratch_.write("cg/two/brim-group-a/io.max", "");
  }
  [[nodiscard]] Host host() const { return std::move(Host::open(scratch_.path())).value(); }
  [[nodiscard]] GroupPlaces places() const { return group_places(host(), "brim-group-a").value(); }
  [[nodiscard]] Result<void> limit(const IoLimits& limits) const {
    return limit_io(host(), places(), limits);
  }
  [[nodiscard]] std::string v1(const std::string& file) const {
    return scratch_.read("cg/io/brim-group-a/blkio.throttle." + file + "_device");
  }
  [[nodiscard]] std::string v2() const { return scratch_.read("cg/two/brim-group-a/io.max"); }
  [[nodiscard]] const ScratchDirectory& files() const { return scratch_; }

 private:
  ScratchDirectory scratch_;
};

constexpr char kMountsV1[] =
    "cgroup /cg/memory cgroup rw,memory 0 0\ncgroup /cg/io cgroup rw,blkio 0 0\n";
constexpr char kMountsV2[] = "cgroup2 /cg/two cgroup2 rw 0 0\n";
// Swap of 79 pages read, and 80 written, a second.
IoLimits limits_of_each() { return {"8:0", 79, 80, Bytes(50'000'000), Bytes(40'000'000)}; }

TEST(IoLimits, Version_1_has_a_file_for_each) {
  const LimitableGroup group(kMountsV1);
  const auto limited = group.limit(limits_of_each());
  ASSERT_TRUE(limited) << error_line(limited.error());
  EXPECT_EQ(group.v1("read_iops"), "8:0 79");
  EXPECT_EQ(group.v1("write_iops"), "8:0 80");
  EXPECT_EQ(group.v1("read_bps"), "8:0 50000000");
  EXPECT_EQ(group.v1("write_bps"), "8:0 40000000");
  EXPECT_EQ(group.files().read("cg/io/blkio.throttle.read_iops_device"), "") << "not the root";
}

TEST(IoLimits, Version_2_has_a_line) {
  const LimitableGroup group(kMountsV2);
  const auto limited = group.limit(limits_of_each());
  ASSERT_TRUE(limited) << error_line(limited.error());
  EXPECT_EQ(group.v2(), "8:0 riops=79 wiops=80 rbps=50000000 wbps=40000000");
  EXPECT_EQ(group.v1("read_iops"), "");
}

TEST(IoLimits, In_hybrid_they_are_where_the_controller_is) {
  const LimitableGroup group(kMountsV1 + std::string("cgroup2 /cg/twin cgroup2 rw 0 0\n"));
  group.files().write("cg/twin/cgroup.controllers", "\n");
  ASSERT_TRUE(group.limit({"8:0", 79, 0, Bytes(0), Bytes(0)}));
  EXPECT_EQ(group.v1("read_iops"), "8:0 79");
}

TEST(IoLimits, What_is_0_stays_as_it_is) {
  const LimitableGroup one(kMountsV1);
  ASSERT_TRUE(one.limit({"8:0", 0, 80, Bytes(0), Bytes(0)}));
  EXPECT_EQ(one.v1("write_iops"), "8:0 80");
  EXPECT_EQ(one.v1("read_iops"), "");
  EXPECT_EQ(one.v1("write_bps"), "");
  const LimitableGroup two(kMountsV2);
  ASSERT_TRUE(two.limit({"8:0", 0, 0, Bytes(0), Bytes(0)}));
  EXPECT_EQ(two.v2(), "");
  ASSERT_TRUE(two.limit({"8:0", 0, 0, Bytes(4096), Bytes(0)}));
  EXPECT_EQ(two.v2(), "8:0 rbps=4096");
}

// The reason of a check before the group is there, or of limiting it.
std::string why_not(const Result<void>& result) {
  EXPECT_FALSE(result);
  if (result) return "";
  EXPECT_EQ(result.error().code, ErrorCode::missing);
  return error_line(result.error());
}

TEST(IoLimits, A_kernel_without_throttling_is_named) {
  const LimitableGroup one(kMountsV1);
  EXPECT_TRUE(check_io_limits(one.host(), one.places()));
  std::filesystem::remove_all(one.files() / "cg/io");
  EXPECT_THAT(why_not(check_io_limits(one.host(), one.places())), HasSubstr("BLK_DEV_THROTTLING"));
  EXPECT_THAT(why_not(one.limit(limits_of_each())), HasSubstr("read_iops_device"));
  const LimitableGroup two(kMountsV2);
  EXPECT_TRUE(check_io_limits(two.host(), two.places())) << "its root does not tell";
  std::filesystem::remove_all(two.files() / "cg/two/brim-group-a");
  EXPECT_THAT(why_not(two.limit(limits_of_each())), HasSubstr("brim-group-a/io.max"));
}

TEST(IoLimits, A_layout_without_the_controller_is_named_with_what_would_help) {
  const Host none = fixture("group-v1");
  const GroupPlaces without = group_places(none, "brim-group-a").value();
  EXPECT_THAT(why_not(check_io_limits(none, without)), HasSubstr("blkio of version 1"));
  EXPECT_THAT(why_not(limit_io(none, without, limits_of_each())), HasSubstr("blkio of version 1"));
  const Host held = fixture("group-v2");
  EXPECT_THAT(why_not(check_io_limits(held, group_places(held, "brim-group-a").value())),
              HasSubstr("echo +io > /sys/fs/cgroup/cgroup.subtree_control"));
}

// Whether a kernel with these cgroups limits what a group swaps out, or why not.
std::string swap_writes(const std::string& mounts, const std::string& release) {
  const LimitableGroup group(mounts);
  group.files().write("proc/sys/kernel/osrelease", release + "\n");
  const auto limited = check_swap_writes(group.host(), group.places());
  return limited ? "limited" : error_line(limited.error());
}

TEST(SwapWrites, Are_limited_where_memory_and_input_are_of_one_hierarchy) {
  EXPECT_EQ(swap_writes(kMountsV2, "6.1.0-40-amd64"), "limited");
  EXPECT_EQ(swap_writes("c /cg/io cgroup rw,memory,blkio 0 0\n", "5.10.0"), "limited");
  EXPECT_THAT(swap_writes(kMountsV1, "6.1.0"), HasSubstr("whose page"));
  EXPECT_THAT(swap_writes("c /cg/memory cgroup rw,memory 0 0\n", "6.1.0"), HasSubstr("blkio"));
}

TEST(SwapWrites, Pass_any_limit_from_Linux_6_12_on) {
  EXPECT_EQ(swap_writes(kMountsV2, "6.11.99"), "limited");
  EXPECT_EQ(swap_writes(kMountsV2, "5.15"), "limited");
  EXPECT_THAT(swap_writes(kMountsV2, "6.12-rc1"), HasSubstr("and this is 6.12-rc1"));
  EXPECT_THAT(swap_writes(kMountsV2, "6.12.95+deb12"), HasSubstr("pass"));
  EXPECT_THAT(swap_writes(kMountsV2, "7.0.1"), HasSubstr("pass"));
  EXPECT_THAT(swap_writes(kMountsV2, "six"), HasSubstr("osrelease"));
}

}  // namespace
}  // namespace brim::host
