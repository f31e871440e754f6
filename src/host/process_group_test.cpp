// SPDX-License-Identifier: Apache-2.0
#include "host/process_group.h"

#include "host/scratch_directory.h"

#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

// `faults`: minor ones, those of ended children, major ones, those of ended children.
void add_member(const ScratchDirectory& root, int pid, int group, char state,
                const std::string& faults) {
  root.write(
      fmt::format("proc/{}/stat", pid),
      fmt::format("{0} (a (b) c) {1} 1 {2} {2} 0 -1 0 {3} 10 10 0 0 20 0 1 0 500 0 7 0 0 0 0 "
                  "0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0\n",
                  pid, state, group, faults));
}

TEST(ProcessGroup, Faults_are_those_of_its_members_and_of_children_they_waited_for) {
  const ScratchDirectory root;
  add_member(root, 100, 100, 'S', "1 20 3 40");
  add_member(root, 101, 100, 'D', "100 0 200 0");
  add_member(root, 102, 7, 'R', "5 5 5 5");
  add_member(root, 200, 200, 'R', "6 0 7 0");
  const auto host = Host::open(root.path());
  ASSERT_TRUE(host);
  const auto groups = read_process_groups(*host, {100, 200, 300});
  ASSERT_TRUE(groups) << error_line(groups.error());
  ASSERT_EQ(groups->size(), 2U) << "one that was not asked for, and one without a process";
  const ProcessGroupReading& first = groups->at(100);
  EXPECT_EQ(first.processes, 2U);
  EXPECT_EQ(first.waiting, 1U);
  EXPECT_EQ(first.minor_faults, 121U);
  EXPECT_EQ(first.major_faults, 243U);
  EXPECT_EQ(groups->at(200).major_faults, 7U);
}

}  // namespace
}  // namespace brim::host
