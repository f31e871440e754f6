// SPDX-License-Identifier: Apache-2.0
// Protection itself is tested in a guest with version 2 alone (tests/live/thrash_v2_test.cpp).
#include "host/group_parts.h"

#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::HasSubstr;

TEST(GroupParts, Can_be_protected_where_version_2_has_the_memory_controller_and_passes_it_on) {
  EXPECT_TRUE(check_part_protection(fixture("group-v2")));
  for (const char* other : {"group-hybrid", "group-v1"}) {
    const auto can = check_part_protection(fixture(other));
    ASSERT_FALSE(can) << other;
    EXPECT_EQ(can.error().code, ErrorCode::missing);
    EXPECT_THAT(can.error().what, HasSubstr("here version 1 has the memory controller"));
  }
}

// A child that asks for more than a part of 4 MiB has, locked, so that it can't be swapped out.
class GreedyChild {
 public:
  GreedyChild() {
    if (::pipe2(pipe_, O_CLOEXEC) != 0) return;
    pid_ = ::fork();
    if (pid_ != 0) return;
    char go = 0;
    if (::read(pipe_[0], &go, 1) == 1) static_cast<void>(take(16));
    ::_exit(0);
  }
  ~GreedyChild() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(pipe_[0]);
    ::close(pipe_[1]);
  }
  GreedyChild(const GreedyChild&) = delete;
  GreedyChild& operator=(const GreedyChild&) = delete;
  [[nodiscard]] int pid() const { return pid_; }
  // Its end, once it may go on.
  int end() {
    EXPECT_EQ(::write(pipe_[1], "g", 1), 1);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  static void* take(std::size_t mebibytes) {
    return ::mmap(nullptr, mebibytes << 20U, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED | MAP_POPULATE, -1, 0);
  }
  int pipe_[2] = {-1, -1};
  pid_t pid_ = -1;
};

// Live: as root, where memory can be limited.
class PartsOfThisMachine : public testing::Test {
 protected:
  void SetUp() override {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    auto group = LimitedGroup::create(host_, scratch_.path(), fmt::format("parts-{}", ::getpid()),
                                      {mebibytes(64), {}});
    if (!group) GTEST_SKIP() << error_line(group.error());
    group_.emplace(std::move(*group));
  }
  [[nodiscard]] const PartPlace& memory() const { return group_->places()[GroupPart::memory]; }
  [[nodiscard]] std::string value_in(const std::string& part, const std::string& v1,
                                     const std::string& v2) const {
    const std::string path = fmt::format("{}/{}/{}", memory().folder, part, memory().v2 ? v2 : v1);
    return host_.read_value(path).value_or("cannot be read");
  }
  // Of processes that are in the group already.
  [[nodiscard]] Result<GroupParts> parts_for(const std::vector<int>& pids) const {
    for (const int pid : pids) BRIM_CHECK(group_->add(pid));
    return GroupParts::create(host_, *group_, pids);
  }

  const ScratchDirectory scratch_;
  const Host host_ = live_host();
  std::optional<LimitedGroup> group_;
};

TEST_F(PartsOfThisMachine, Each_has_its_process_and_its_limit_and_goes_with_the_group) {
  const WaitingChild first;
  const WaitingChild second;
  const auto parts = parts_for({first.pid(), second.pid()});
  ASSERT_TRUE(parts) << error_line(parts.error());
  EXPECT_EQ(value_in("part-1", "cgroup.procs", "cgroup.procs"), std::to_string(first.pid()));
  EXPECT_EQ(value_in("part-2", "cgroup.procs", "cgroup.procs"), std::to_string(second.pid()));
  ASSERT_TRUE(parts->limit(1, mebibytes(16)));
  EXPECT_EQ(value_in("part-2", "memory.limit_in_bytes", "memory.max"), "16777216");
  EXPECT_NE(value_in("part-1", "memory.limit_in_bytes", "memory.max"), "16777216");
  ASSERT_TRUE(parts->limit(1, mebibytes(32))) << "and more again";
  EXPECT_EQ(value_in("part-2", "memory.limit_in_bytes", "memory.max"), "33554432");
  const std::string folder = memory().folder;
  const auto removed = group_->remove();
  EXPECT_TRUE(removed) << error_line(removed.error());
  EXPECT_FALSE(std::filesystem::exists(folder));
}

TEST_F(PartsOfThisMachine, One_that_needs_more_than_its_limit_is_killed_and_counted_once) {
  GreedyChild child;
  ASSERT_GT(child.pid(), 0);
  const auto parts = parts_for({child.pid()});
  ASSERT_TRUE(parts) << error_line(parts.error());
  ASSERT_TRUE(parts->limit(0, mebibytes(4)));
  const int status = child.end();
  ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << status;
  EXPECT_EQ(group_->read().oom_kills.value_or(0) + parts->uncounted_oom_kills(), 1U);
}

}  // namespace
}  // namespace brim::host
