// SPDX-License-Identifier: Apache-2.0
#include "share/measure/select.h"

#include <algorithm>

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::share {
namespace {

constexpr std::chrono::milliseconds kTimeout(200);

// A process of this user that waits to be killed.
class Sleeper {
 public:
  Sleeper() : pid_(::fork()) {
    if (pid_ == 0) {
      for (;;) ::pause();
    }
  }
  ~Sleeper() { stop(); }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  void stop() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  [[nodiscard]] int pid() const { return pid_; }

 private:
  pid_t pid_;
};

Result<Selected> select(const Selection& selection) {
  const auto host = host::Host::open("/");
  return select_subjects(*host, selection, kTimeout, kNeverCancelled);
}

TEST(Selection, The_same_value_twice_in_one_option_is_bad_input) {
  const std::vector<Selection> repeated = {
      {.vms = false, .pids = {5, 6, 5}, .names = {}, .cgroups = {}, .images = {}},
      {.vms = false, .pids = {}, .names = {"a", "a"}, .cgroups = {}, .images = {}},
      {.vms = false, .pids = {}, .names = {}, .cgroups = {"x", "x"}, .images = {}},
      {.vms = false, .pids = {}, .names = {}, .cgroups = {}, .images = {"i", "i"}}};
  for (const Selection& selection : repeated) {
    const auto checked = check_repeats(selection);
    ASSERT_FALSE(checked.has_value());
    EXPECT_EQ(checked.error().code, ErrorCode::bad_input);
    EXPECT_NE(checked.error().what.find("given twice"), std::string::npos);
  }
  EXPECT_TRUE(check_repeats(
                  {.vms = true, .pids = {5, 6}, .names = {"5"}, .cgroups = {"5"}, .images = {"5"}})
                  .has_value());
}

TEST(Selection, Names_are_shell_patterns) {
  EXPECT_TRUE(matches_name("web1", "web1"));
  EXPECT_TRUE(matches_name("web1", "web*"));
  EXPECT_TRUE(matches_name("web1", "web[0-9]"));
  EXPECT_FALSE(matches_name("web10", "web?"));
  EXPECT_FALSE(matches_name("web1", "WEB1"));
  EXPECT_FALSE(matches_name("web1", ""));
}

TEST(Selection, Warns_of_memory_that_can_not_merge_and_says_why) {
  host::VirtualMachine machine;
  machine.name = "web1";
  machine.ram = {{.start = 0, .end = 4096, .shared = false, .identified_by = "x"}};
  EXPECT_TRUE(vm_warnings(machine).empty());
  machine.ram[0].shared = true;
  ASSERT_EQ(vm_warnings(machine).size(), 1U);
  EXPECT_NE(vm_warnings(machine)[0].find("share=on"), std::string::npos);
  machine.merge_requested = false;
  ASSERT_EQ(vm_warnings(machine).size(), 2U);
  EXPECT_NE(vm_warnings(machine)[1].find("mem-merge=off"), std::string::npos);
}

TEST(Selection, A_process_is_selected_once_though_its_pid_and_its_name_find_it) {
  const Sleeper sleeper;
  const auto host = host::Host::open("/");
  const auto process = host::Process::open(*host, sleeper.pid());
  Selection selection;
  selection.names = {process->stat()->name};
  selection.pids = {sleeper.pid()};
  const auto selected = select(selection);
  ASSERT_TRUE(selected.has_value()) << error_line(selected.error());
  const auto same =
      std::count_if(selected->subjects.begin(), selected->subjects.end(),
                    [&](const auto& subject) { return subject->pid() == sleeper.pid(); });
  EXPECT_EQ(same, 1);
  EXPECT_EQ(selected->subjects[0]->kind(), SubjectKind::process);
}

TEST(Selection, A_pid_that_is_gone_is_an_error_of_one_line) {
  Sleeper sleeper;
  const int pid = sleeper.pid();
  sleeper.stop();
  Selection selection;
  selection.pids = {pid};
  const auto selected = select(selection);
  ASSERT_FALSE(selected.has_value());
  EXPECT_EQ(error_line(selected.error()).find('\n'), std::string::npos);
}

TEST(Selection, Brim_does_not_scan_itself) {
  Selection selection;
  selection.pids = {::getpid()};
  const auto selected = select(selection);
  ASSERT_FALSE(selected.has_value());
  EXPECT_EQ(selected.error().code, ErrorCode::bad_input);
}

TEST(Selection, A_name_that_nothing_has_is_bad_input) {
  Selection selection;
  selection.names = {"no such name anywhere"};
  const auto selected = select(selection);
  ASSERT_FALSE(selected.has_value());
  EXPECT_EQ(selected.error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace brim::share
