// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/ground.h"

#include "host/scratch_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// On a host with these cgroups, of which /cg/io limits I/O.
std::vector<std::string> notes_of(const std::string& mounts, const SlowDisk& slow) {
  const host::ScratchDirectory root;
  root.write("proc/mounts", mounts);
  root.write("proc/sys/kernel/osrelease", "6.1.0\n");
  root.write("cg/io/blkio.throttle.read_iops_device", "");
  root.write("cg/io/cgroup.controllers", "memory io\n");
  root.write("cg/io/cgroup.subtree_control", "memory io\n");
  const auto host = host::Host::open(root.path());
  EXPECT_TRUE(host) << error_line(host.error());
  ThrashPlan plan;
  plan.swap.slow = slow;
  return notes_on_ground(*host, plan);
}

constexpr char kTwoHierarchies[] =
    "cgroup /cg/memory cgroup rw,memory 0 0\ncgroup /cg/io cgroup rw,blkio 0 0\n";
constexpr char kOneHierarchy[] = "cgroup2 /cg/io cgroup2 rw 0 0\n";

TEST(GroundNotes, Writes_that_are_not_slowed_are_told_and_why) {
  EXPECT_THAT(notes_of(kTwoHierarchies, {0, 0, mebibytes(50)}),
              ElementsAre(HasSubstr("written as fast as the disk can: this kernel can't tell")));
}

TEST(GroundNotes, Where_writes_are_slowed_or_were_not_to_be_there_is_nothing_to_tell) {
  EXPECT_THAT(notes_of(kTwoHierarchies, {79, 0, Bytes(0)}), IsEmpty());
  EXPECT_THAT(notes_of(kOneHierarchy, {0, 0, mebibytes(50)}), IsEmpty());
}

}  // namespace
}  // namespace brim::thrash::live
