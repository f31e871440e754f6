// SPDX-License-Identifier: Apache-2.0
// On children of the test's own, which stand still and go on.
#include "host/held_tasks.h"

#include "host/paused_process.h"
#include "host/scratch_directory.h"
#include "host/test_processes.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <functional>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

namespace brim::host {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class HeldTasksTest : public testing::Test {
 protected:
  [[nodiscard]] Process process(const WaitingChild& child) const {
    return std::move(Process::open(host_, child.pid())).value();
  }
  [[nodiscard]] HeldTasks::Wanted wanted(const WaitingChild& child) const {
    const Process its = process(child);
    return {{its.pid(), its.start_ticks()}, false};
  }
  static bool soon(const std::function<bool()>& holds) {
    for (int i = 0; i < 400; ++i) {
      if (holds()) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  [[nodiscard]] bool becomes(const WaitingChild& child, bool still) const {
    return soon([&] { return stands_still(process(child)).value() == still; });
  }
  [[nodiscard]] std::size_t records_left() const {
    std::size_t count = 0;
    for (const auto& item : std::filesystem::directory_iterator(records()))
      count += item.path().extension() == ".json" ? 1 : 0;
    return count;
  }
  [[nodiscard]] std::string records() const { return scratch_ / "holds"; }
  [[nodiscard]] HeldTasks open() const {
    return std::move(HeldTasks::open(host_, records())).value();
  }

  const ScratchDirectory scratch_;
  const Host host_ = live_host();
  const WaitingChild one_;
  const WaitingChild other_;
};

TEST_F(HeldTasksTest, Exactly_those_stand_still_that_are_wanted) {
  HeldTasks held = open();
  EXPECT_THAT(held.hold_exactly({wanted(one_)}), IsEmpty());
  EXPECT_TRUE(becomes(one_, true));
  EXPECT_TRUE(becomes(other_, false));
  EXPECT_EQ(records_left(), 1U);
  EXPECT_THAT(held.hold_exactly({wanted(other_)}), IsEmpty());
  EXPECT_TRUE(becomes(one_, false));
  EXPECT_TRUE(becomes(other_, true));
  EXPECT_EQ(records_left(), 1U);
  EXPECT_THAT(held.hold_exactly({}), IsEmpty());
  EXPECT_TRUE(becomes(other_, false));
  EXPECT_EQ(records_left(), 0U);
}

TEST_F(HeldTasksTest, Holding_again_keeps_since_when) {
  HeldTasks held = open();
  EXPECT_THAT(held.hold_exactly({wanted(one_)}), IsEmpty());
  const auto since = held.held().at(0).since;
  EXPECT_THAT(held.hold_exactly({wanted(one_), wanted(other_)}), IsEmpty());
  ASSERT_THAT(held.held(), SizeIs(2));
  for (const HeldTasks::Held& task : held.held())
    if (task.process.pid == one_.pid()) {
      EXPECT_EQ(task.since, since);
    }
}

TEST_F(HeldTasksTest, All_go_on_at_its_end) {
  {
    HeldTasks held = open();
    EXPECT_THAT(held.hold_exactly({wanted(one_), wanted(other_)}), IsEmpty());
    EXPECT_TRUE(becomes(one_, true));
  }
  EXPECT_TRUE(becomes(one_, false));
  EXPECT_TRUE(becomes(other_, false));
  EXPECT_EQ(records_left(), 0U);
}

TEST_F(HeldTasksTest, What_somebody_else_stopped_is_left_alone) {
  ::kill(one_.pid(), SIGSTOP);
  ASSERT_TRUE(becomes(one_, true));
  {
    HeldTasks held = open();
    EXPECT_THAT(held.hold_exactly({wanted(one_)}), IsEmpty());
    EXPECT_THAT(held.held(), IsEmpty());
  }
  EXPECT_TRUE(becomes(one_, true));
}

TEST_F(HeldTasksTest, What_has_exited_is_no_problem) {
  HeldTasks held = open();
  HeldTasks::Wanted gone = wanted(one_);
  gone.process.start_ticks += 1;
  EXPECT_THAT(held.hold_exactly({gone, wanted(other_)}), IsEmpty());
  EXPECT_THAT(held.held(), SizeIs(1));
}

TEST_F(HeldTasksTest, Only_one_brim_at_a_time_holds_anything) {
  const HeldTasks held = open();
  const auto second = HeldTasks::open(host_, records());
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, ErrorCode::denied);
}

// A brim that is killed; with its watchdog, or without.
class KilledHolder : public HeldTasksTest {
 protected:
  // Its watchdog's pid comes through the pipe once all is held.
  pid_t hold_and_die(bool with_watchdog) {
    int ends[2];
    if (::pipe(ends) != 0) return 0;
    const pid_t brim = ::fork();
    if (brim == 0) {
      HeldTasks held = open();
      (void)held.hold_exactly({wanted(one_), wanted(other_)});
      const int watchdog = held.watchdog_pid();
      if (with_watchdog) ::kill(watchdog, SIGKILL);
      if (::write(ends[1], &watchdog, sizeof watchdog) < 0) ::_exit(1);
      while (true) ::pause();
    }
    int watchdog = 0;
    EXPECT_EQ(::read(ends[0], &watchdog, sizeof watchdog), static_cast<ssize_t>(sizeof watchdog));
    EXPECT_TRUE(becomes(one_, true));
    EXPECT_TRUE(becomes(other_, true));
    ::close(ends[0]);
    ::close(ends[1]);
    ::kill(brim, SIGKILL);
    ::waitpid(brim, nullptr, 0);
    return watchdog;
  }
};

TEST_F(KilledHolder, Its_watchdog_lets_all_go) {
  hold_and_die(false);
  EXPECT_TRUE(becomes(one_, false));
  EXPECT_TRUE(becomes(other_, false));
  EXPECT_TRUE(soon([&] { return records_left() == 0; }));
}

TEST_F(KilledHolder, Without_its_watchdog_the_next_brim_lets_all_go_and_tells) {
  hold_and_die(true);
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_TRUE(becomes(one_, true));
  EXPECT_THAT(let_go_abandoned_holds(host_, records(), {}), SizeIs(2));
  EXPECT_TRUE(becomes(one_, false));
  EXPECT_TRUE(becomes(other_, false));
  EXPECT_THAT(let_go_abandoned_holds(host_, records(), {}), IsEmpty());
}

TEST_F(HeldTasksTest, A_living_brims_holds_are_its_own) {
  HeldTasks held = open();
  EXPECT_THAT(held.hold_exactly({wanted(one_)}), IsEmpty());
  EXPECT_THAT(let_go_abandoned_holds(host_, records(), {}), IsEmpty());
  EXPECT_TRUE(becomes(one_, true));
}

TEST_F(HeldTasksTest, A_watchdog_that_was_killed_is_replaced) {
  HeldTasks held = open();
  const int first = held.watchdog_pid();
  EXPECT_FALSE(held.renew_watchdog().value());
  ::kill(first, SIGKILL);
  EXPECT_TRUE(soon([&] { return held.renew_watchdog().value(); }));
  EXPECT_NE(held.watchdog_pid(), first);
}

TEST_F(HeldTasksTest, A_record_of_a_place_that_is_no_cgroup_is_left_and_told) {
  scratch_.write("holds/hold-1-1.json",
                 R"({"means": "cgroup_v2", "place": "/etc", "processes": [[1, 1]],
                     "boot_id": "x", "owner_pid": 1, "owner_start_ticks": 1})");
  const auto lines = let_go_abandoned_holds(host_, records(), {});
  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], testing::HasSubstr("not a record"));
}

}  // namespace
}  // namespace brim::host
