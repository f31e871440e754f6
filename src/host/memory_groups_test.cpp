// SPDX-License-Identifier: Apache-2.0
// Cgroups with a limit of memory, in each layout; and advice to a process's memory.
#include "host/memory_groups.h"

#include "host/process_advice.h"
#include "host/test_processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

TEST(MemoryGroups, Those_with_a_limit_are_found_in_any_layout) {
  for (const char* layout : {"group-hybrid", "group-v1", "group-v2"}) {
    const Host host = fixture(layout);
    const auto groups = limited_memory_groups(host, 10);
    ASSERT_TRUE(groups) << error_line(groups.error());
    ASSERT_EQ(groups->size(), 1U) << layout;
    EXPECT_EQ(groups->front().name, "/brim-group-a") << layout;
    EXPECT_TRUE(groups->front().limit.has_value()) << layout;
    EXPECT_EQ(groups->front().places[GroupPart::memory].folder, groups->front().folder) << layout;
  }
}

TEST(MemoryGroups, One_is_found_by_path_mount_path_or_last_name) {
  const Host host = fixture("group-hybrid");
  for (const char* asked :
       {"/brim-group-a", "brim-group-a", "/sys/fs/cgroup/memory/brim-group-a", "/brim-group-a/"}) {
    const auto group = find_memory_group(host, asked);
    ASSERT_TRUE(group) << asked;
    EXPECT_EQ(group->name, "/brim-group-a");
  }
  for (const char* asked : {"/brim-group-b", "/", "", "/brim-group-a/.."}) {
    const auto group = find_memory_group(host, asked);
    ASSERT_FALSE(group) << asked;
    EXPECT_EQ(group.error().code, ErrorCode::bad_input);
  }
}

TEST(ProcessAdvice, Keeps_what_is_in_a_process_s_memory) {
  const OwnPages pages(64);
  for (std::size_t page = 0; page < 64; ++page) pages.touch(page, static_cast<int>(page + 1));
  const auto out = page_out(self());
  if (!out && out.error().code != ErrorCode::gone) GTEST_SKIP() << error_line(out.error());
  ASSERT_TRUE(out) << error_line(out.error());
  EXPECT_GE(*out, bytes_of(Pages(64)));
  const auto in = prefetch(self());
  ASSERT_TRUE(in) << error_line(in.error());
  EXPECT_GE(*in, bytes_of(Pages(64)));
  for (std::size_t page = 0; page < 64; ++page)
    EXPECT_EQ(*pages.at(page), static_cast<std::byte>(page + 1));
}

TEST(ProcessAdvice, Of_what_has_exited_is_gone) {
  WaitingChild child;
  const Host host = live_host();
  const Process process = std::move(Process::open(host, child.pid())).value();
  child.kill();
  child.reap();
  const auto out = page_out(process);
  ASSERT_FALSE(out);
  EXPECT_EQ(out.error().code, ErrorCode::gone);
}

TEST(ProcessAdvice, A_host_without_reclaim_files_says_so) {
  const auto reclaimed =
      reclaim_group(fixture("group-hybrid"), "/sys/fs/cgroup/memory/brim-group-a", mebibytes(1));
  ASSERT_FALSE(reclaimed);
  EXPECT_EQ(reclaimed.error().code, ErrorCode::missing);
}

}  // namespace
}  // namespace brim::host
