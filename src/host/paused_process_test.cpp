// SPDX-License-Identifier: Apache-2.0
#include "host/paused_process.h"

#include "host/test_processes.h"

#include <chrono>
#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>

namespace brim::host {
namespace {

using std::chrono::milliseconds;

Process open_process(int pid) { return std::move(Process::open(live_host(), pid)).value(); }

bool goes_on_soon(const Process& process) {
  for (int i = 0; i < 1000 && stands_still(process).value_or(false); ++i)
    std::this_thread::sleep_for(milliseconds(5));
  return !stands_still(process).value_or(true);
}

TEST(PausedProcess, It_stands_still_as_long_as_the_object_lives) {
  const WaitingChild child;
  const Process process = open_process(child.pid());
  {
    const auto paused = PausedProcess::pause(process);
    ASSERT_TRUE(paused) << error_line(paused.error());
    EXPECT_TRUE(*stands_still(process));
  }
  EXPECT_TRUE(goes_on_soon(process));
}

// Runs `end` in a process that has paused another; what that other does after.
template <class End>
void pause_and_die(const Process& process, End end) {
  const pid_t brim = ::fork();
  if (brim == 0) {
    const auto paused = PausedProcess::pause(process);
    if (!paused) ::_exit(1);
    end(*paused);
    ::_exit(2);
  }
  int status = 0;
  ::waitpid(brim, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status)) << "it paused, and was killed";
}

TEST(PausedProcess, It_goes_on_when_brim_is_killed) {
  const WaitingChild child;
  const Process process = open_process(child.pid());
  pause_and_die(process, [](const PausedProcess&) { ::raise(SIGKILL); });
  EXPECT_TRUE(goes_on_soon(process));
}

TEST(PausedProcess, Signals_for_brims_group_do_not_end_the_helper) {
  const WaitingChild child;
  const Process process = open_process(child.pid());
  pause_and_die(process, [](const PausedProcess& paused) {
    for (const int signal : {SIGINT, SIGTERM, SIGHUP}) ::kill(paused.helper_pid(), signal);
    ::raise(SIGKILL);
  });
  EXPECT_TRUE(goes_on_soon(process));
}

TEST(PausedProcess, One_that_both_were_killed_over_stands_still_until_let_go_on) {
  const WaitingChild child;
  const Process process = open_process(child.pid());
  pause_and_die(process, [](const PausedProcess& paused) {
    ::kill(paused.helper_pid(), SIGKILL);
    ::waitpid(paused.helper_pid(), nullptr, 0);
    ::raise(SIGKILL);
  });
  EXPECT_TRUE(*stands_still(process));
  EXPECT_TRUE(let_go_on(process));
  EXPECT_TRUE(goes_on_soon(process));
}

TEST(PausedProcess, What_has_exited_can_neither_be_paused_nor_let_go_on) {
  WaitingChild child;
  const Process process = open_process(child.pid());
  child.kill();
  child.reap();
  EXPECT_FALSE(PausedProcess::pause(process));
  EXPECT_FALSE(let_go_on(process));
}

}  // namespace
}  // namespace brim::host
