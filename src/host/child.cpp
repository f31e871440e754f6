// SPDX-License-Identifier: Apache-2.0
#include "host/child.h"

#include "base/fd.h"
#include "host/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr int kNotFound = 127;  // as shells say it

// In the child: its own group (so that it can be killed whole), default signals, silence.
void settle_child(pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);  // the parent died before that took effect
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD, SIGALRM}) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDWR);
  for (const int fd : {0, 1, 2}) ::dup2(null, fd);
  if (null > 2) ::close(null);
}

struct Child {
  pid_t pid = -1;
  Fd output;
};

// The end of a child, also by an exception, which must not unwind into a copy of the caller's code.
[[noreturn]] void end_with(const std::function<int(int)>& body, int output) noexcept {
  int status = 1;
  try {
    status = body(output);
  } catch (...) {
    status = 1;
  }
  ::_exit(status);
}

// Forks; `body` gets the descriptor to write its answer to, and its result is the exit status.
Result<Child> start(const std::function<int(int)>& body) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errno_error(errno, "fork", ""));
  if (pid == 0) {
    // A pipe end below 3 would be lost to /dev/null.
    const int output = ::fcntl(writing.get(), F_DUPFD_CLOEXEC, 3);
    settle_child(parent);
    if (output < 0) ::_exit(1);
    end_with(body, output);
  }
  ::setpgid(pid, pid);  // on both sides: whoever comes first
  return Child{pid, std::move(reading)};
}

// Reads until the child closes its end; false on timeout.
Result<bool> read_until(int fd, Clock::time_point deadline, std::string& text) {
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return false;
    pollfd waiting{fd, POLLIN, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX)));
    if (ready == 0) return false;
    if (ready < 0 && errno != EINTR) return fail(errno_error(errno, "poll", ""));
    if (ready < 0) continue;
    std::array<char, 16384> buffer;
    const ssize_t n = ::read(fd, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(errno_error(errno, "read from a child", ""));
    if (n == 0) return true;
    text.append(buffer.data(), static_cast<std::size_t>(n));
    if (text.size() > kMaximumChildOutput)
      return fail(ErrorCode::io, "a child process answered with more than 4 MiB");
  }
}

// Waits for the child's end; -1 where it isn't ours to wait for.
int reap(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return -1;
  return status;
}

// Looks every few milliseconds, where there is no pidfd_open (before Linux 5.3, or forbidden by a
// container's filter).
bool poll_for_exit(pid_t pid, Clock::time_point deadline) {
  for (;;) {
    siginfo_t info{};
    const int got = ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT | WNOHANG);
    if (got == 0 && info.si_pid == pid) return true;
    if (got != 0 && errno != EINTR) return false;
    if (Clock::now() >= deadline) return false;
    ::usleep(2000);
  }
}

// Whether the child exits before the deadline; it is not reaped.
bool wait_for_exit(pid_t pid, Clock::time_point deadline) {
  const auto pidfd = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0) return poll_for_exit(pid, deadline);
  const Fd owner(pidfd);
  for (;;) {
    const auto left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{pidfd, POLLIN, 0};
    const int ready =
        ::poll(&waiting, 1, static_cast<int>(std::clamp<std::int64_t>(left, 0, INT32_MAX)));
    if (ready >= 0 || errno != EINTR) return ready > 0;
  }
}

// What the child wrote and its wait status. Whatever happens, the child is gone afterwards.
Result<std::string> finish(Child child, milliseconds timeout, int& status) {
  const auto deadline = Clock::now() + timeout;
  std::string text;
  auto done = read_until(child.output.get(), deadline, text);
  const bool ended = done && *done && wait_for_exit(child.pid, deadline);
  // The group before the reaping: afterwards the number may be another's.
  // LIMIT: a child in uninterruptible sleep can't be killed, and is waited for.
  if (!ended) ::kill(-child.pid, SIGKILL);
  status = reap(child.pid);
  if (!done) return fail(std::move(done).error());
  if (!ended) return fail(ErrorCode::io, fmt::format("no answer within {} ms", timeout.count()));
  return text;
}

}  // namespace

Result<std::string> run_in_child(const std::function<std::string()>& function,
                                 milliseconds timeout) {
  BRIM_TRY(Child child, start([&](int output) { return write_all(output, function()) ? 0 : 1; }));
  int status = 0;
  BRIM_TRY(std::string text, finish(std::move(child), timeout, status));
  if (WIFSIGNALED(status))
    return fail(ErrorCode::io, fmt::format("a child process was killed by signal {} ({})",
                                           WTERMSIG(status), ::strsignal(WTERMSIG(status))));
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ErrorCode::io, "a child process failed");
  return text;
}

Result<std::string> run_program(const std::vector<std::string>& arguments, milliseconds timeout) {
  std::vector<char*> words;
  words.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  BRIM_TRY(Child child, start([&](int output) {
             ::dup2(output, 1);
             ::execvp(words[0], words.data());
             return errno == ENOENT ? kNotFound : 1;
           }));
  int status = 0;
  auto text = finish(std::move(child), timeout, status);
  if (!text) return fail(text.error().code, text.error().what, arguments[0]);
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotFound)
    return fail(ErrorCode::missing, "no such program on PATH", arguments[0]);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    return fail(ErrorCode::io, "the program failed", arguments[0]);
  return text;
}

}  // namespace brim::host
