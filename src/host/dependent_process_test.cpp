// SPDX-License-Identifier: Apache-2.0
#include "host/dependent_process.h"

#include "host/process.h"
#include "host/scratch_directory.h"

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace brim::host {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

bool process_exists(int pid) {
  const auto host = Host::open("/");
  return host && Process::open(*host, pid);  // a zombie is gone
}

bool ends_soon(int pid) {
  for (int i = 0; i < 500 && process_exists(pid); ++i)
    std::this_thread::sleep_for(milliseconds(10));
  return !process_exists(pid);
}

TEST(DependentProcess, It_is_killed_with_its_object) {
  int pid = 0;
  {
    const auto process = DependentProcess::start({{"sleep", "1000"}, "", ""});
    ASSERT_TRUE(process);
    pid = process->pid();
    EXPECT_TRUE(process_exists(pid));
  }
  EXPECT_FALSE(process_exists(pid));
}

TEST(DependentProcess, It_is_killed_when_its_starter_is_killed) {
  const ScratchDirectory scratch;
  const pid_t starter = ::fork();
  if (starter == 0) {
    const auto process = DependentProcess::start({{"sleep", "1000"}, "", ""});
    if (process) scratch.write("pid", std::to_string(process->pid()) + "\n");
    for (;;) ::pause();
  }
  std::string pid;
  for (int i = 0; i < 500 && !pid.ends_with('\n'); ++i) {
    std::this_thread::sleep_for(milliseconds(10));
    pid = scratch.read("pid");
  }
  ASSERT_TRUE(pid.ends_with('\n'));
  ASSERT_TRUE(process_exists(std::stoi(pid)));
  ::kill(starter, SIGKILL);
  ::waitpid(starter, nullptr, 0);
  EXPECT_TRUE(ends_soon(std::stoi(pid)));
}

TEST(DependentProcess, What_it_prints_is_in_its_log_and_its_end_is_seen) {
  const ScratchDirectory scratch;
  auto process =
      DependentProcess::start({{"sh", "-c", "echo out; echo err >&2"}, scratch / "log", ""});
  ASSERT_TRUE(process);
  EXPECT_TRUE(process->wait(seconds(10)));
  EXPECT_FALSE(process->running());
  EXPECT_EQ(scratch.read("log"), "out\nerr\n");
}

TEST(DependentProcess, A_program_that_is_not_there_is_missing) {
  const auto process = DependentProcess::start({{"brim-no-such-program"}, "", ""});
  ASSERT_FALSE(process);
  EXPECT_EQ(process.error().code, ErrorCode::missing);
  const auto nowhere = DependentProcess::start({{"sleep", "1000"}, "", "/nonexistent"});
  EXPECT_FALSE(nowhere) << "never outside the cgroup it was to be in";
}

TEST(DependentProcess, How_it_ended_by_itself_is_known_and_that_it_was_killed_here_is_not_told) {
  auto ending = DependentProcess::start({{"sh", "-c", "exit 7"}, "", ""});
  ASSERT_TRUE(ending);
  ASSERT_TRUE(ending->wait(seconds(10)));
  ASSERT_TRUE(ending->status());
  EXPECT_TRUE(WIFEXITED(*ending->status()));
  EXPECT_EQ(WEXITSTATUS(*ending->status()), 7);
  auto killed = DependentProcess::start({{"sleep", "1000"}, "", ""});
  ASSERT_TRUE(killed);
  EXPECT_FALSE(killed->status());
  killed->kill();
  EXPECT_FALSE(killed->status());
}

TEST(DependentProcess, What_it_has_started_is_paused_with_it_and_goes_on) {
  const ScratchDirectory scratch;
  auto process = DependentProcess::start(
      {{"sh", "-c", "(while :; do echo x; sleep 0.01; done) & wait"}, scratch / "log", ""});
  ASSERT_TRUE(process);
  const auto has_more_than = [&](std::size_t before) {
    for (int i = 0; i < 1000 && scratch.read("log").size() <= before; ++i) ::usleep(5000);
    return scratch.read("log").size() > before;
  };
  ASSERT_TRUE(has_more_than(0));
  process->pause();
  ::usleep(50000);
  const std::size_t paused = scratch.read("log").size();
  ::usleep(300000);
  EXPECT_EQ(scratch.read("log").size(), paused);
  process->go_on();
  EXPECT_TRUE(has_more_than(paused));
  ::kill(-process->pid(), SIGKILL);
}

TEST(DependentProcess, What_was_paused_goes_on) {
  auto process = DependentProcess::start({{"sh", "-c", "sleep 0.2; exit 0"}, "", ""});
  ASSERT_TRUE(process);
  process->pause();
  EXPECT_FALSE(process->wait(milliseconds(1000)));
  process->go_on();
  EXPECT_TRUE(process->wait(seconds(10)));
}

}  // namespace
}  // namespace brim::host
