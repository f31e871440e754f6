// SPDX-License-Identifier: Apache-2.0
#include "host/paused_process.h"

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

long send_through(int process, int signal) {
  return ::syscall(SYS_pidfd_send_signal, process, signal, nullptr, 0);
}

// Of this very process: what its number was given to later does not get here.
Result<Fd> descriptor_of(const Process& process) {
  Fd descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.pid(), 0)));
  if (!descriptor) return fail(errno_error(errno, "open a process for signals", process.place("")));
  BRIM_CHECK(process.check_alive());
  return descriptor;
}

// In the child, between fork and _exit: only what is safe there. It keeps two descriptors, so that
// no lock and no output of brim's lives on in it.
[[noreturn]] void let_go_on_when_closed(const Fd& lifeline, const Fd& process) {
  ::setsid();
  // Above what they are moved to.
  const int waiting = ::fcntl(lifeline.get(), F_DUPFD, 3);
  const int target = ::fcntl(process.get(), F_DUPFD, 3);
  if (::dup2(waiting, 0) < 0 || ::dup2(target, 1) < 0) ::_exit(1);
  ::syscall(SYS_close_range, 2U, ~0U, 0U);
  char nothing = 0;
  while (::read(0, &nothing, 1) < 0 && errno == EINTR) continue;
  send_through(1, SIGCONT);
  ::_exit(0);
}

// The helper's pid. All signals that can be are blocked in it: what is meant for brim's group does
// not end it.
Result<pid_t> fork_helper(const Fd& reading, Fd& lifeline, const Fd& process) {
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t helper = ::fork();
  const int why = errno;
  if (helper == 0) {
    lifeline.reset();  // or it would wait for itself
    let_go_on_when_closed(reading, process);
  }
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (helper < 0) return fail(errno_error(why, "fork", ""));
  return helper;
}

Result<void> wait_until_still(const Process& process) {
  constexpr auto kPatience = std::chrono::seconds(5);
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (;;) {
    BRIM_TRY(const bool still, stands_still(process));
    if (still) return {};
    if (std::chrono::steady_clock::now() >= deadline)
      return fail(ErrorCode::io, "it did not stop within 5 s", process.place(""));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
}

}  // namespace

Result<PausedProcess> PausedProcess::pause(const Process& process) {
  BRIM_TRY(Fd descriptor, descriptor_of(process));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  const Fd reading(ends[0]);
  Fd lifeline(ends[1]);
  BRIM_TRY(const pid_t helper, fork_helper(reading, lifeline, descriptor));
  PausedProcess paused(std::move(descriptor), std::move(lifeline), helper);
  if (send_through(paused.process_.get(), SIGSTOP) != 0)
    return fail(errno_error(errno, "pause", process.place("")));
  BRIM_CHECK(wait_until_still(process));
  return paused;
}

PausedProcess::PausedProcess(PausedProcess&& other) noexcept
    : process_(std::move(other.process_)),
      lifeline_(std::move(other.lifeline_)),
      helper_(std::exchange(other.helper_, 0)) {}

PausedProcess::~PausedProcess() {
  if (helper_ == 0) return;
  send_through(process_.get(), SIGCONT);
  lifeline_.reset();
  while (::waitpid(helper_, nullptr, 0) < 0 && errno == EINTR) continue;
}

Result<bool> stands_still(const Process& process) {
  BRIM_TRY(const ProcessStat stat, process.stat());
  return stat.state == 'T' || stat.state == 't';
}

Result<void> let_go_on(const Process& process) {
  BRIM_TRY(const Fd descriptor, descriptor_of(process));
  if (send_through(descriptor.get(), SIGCONT) != 0)
    return fail(errno_error(errno, "let go on", process.place("")));
  return {};
}

}  // namespace brim::host
