// SPDX-License-Identifier: Apache-2.0
#include "host/dependent_process.h"

#include "base/fd.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::host {
namespace {

// Whether the one write of a control file takes it all. Safe between fork and exec.
bool write_word(const char* path, const char* word) {
  const int file = ::open(path, O_WRONLY | O_CLOEXEC);
  const auto length = static_cast<ssize_t>(std::strlen(word));
  return file >= 0 && ::write(file, word, std::strlen(word)) == length && ::close(file) == 0;
}

// In the child, between fork and exec: only what is safe there. The errno of what failed, 0 never.
int become_program(const ProgramStart& start, char* const* words, pid_t parent) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) return ESRCH;  // the parent died before that took effect
  if (!start.huge_pages && ::prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0) != 0) return errno;
  if (start.killed_first && !write_word("/proc/self/oom_score_adj", "1000")) return errno;
  if (!start.cgroup.empty()) {
    const int procs = ::open((start.cgroup + "/cgroup.procs").c_str(), O_WRONLY | O_CLOEXEC);
    if (procs < 0 || ::write(procs, "0", 1) != 1) return errno;
  }
  const int input = ::open("/dev/null", O_RDONLY);
  const int output = ::open(start.log.empty() ? "/dev/null" : start.log.c_str(),
                            O_WRONLY | O_CREAT | O_APPEND, 0600);
  if (input < 0 || output < 0) return errno;
  ::dup2(input, 0);
  ::dup2(output, 1);
  ::dup2(output, 2);
  if (input > 2) ::close(input);
  if (output > 2) ::close(output);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE, SIGCHLD}) ::signal(number, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::execvp(words[0], words);
  return errno;
}

}  // namespace

Result<DependentProcess> DependentProcess::start(const ProgramStart& start) {
  std::vector<char*> words;
  words.reserve(start.arguments.size() + 1);
  for (const std::string& argument : start.arguments)
    words.push_back(const_cast<char*>(argument.c_str()));
  words.push_back(nullptr);
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  const Fd reading(ends[0]);
  Fd writing(ends[1]);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errno_error(errno, "fork", ""));
  if (pid == 0) {
    const int why = become_program(start, words.data(), parent);
    if (::write(writing.get(), &why, sizeof why) < 0) ::_exit(1);
    ::_exit(1);
  }
  writing.reset();  // the exec closes the child's end: nothing to read is good news
  DependentProcess process(pid);
  int why = 0;
  ssize_t n = 0;
  do n = ::read(reading.get(), &why, sizeof why);
  while (n < 0 && errno == EINTR);
  if (n == sizeof why) return fail(errno_error(why, "start", start.arguments[0]));
  return process;
}

DependentProcess::DependentProcess(DependentProcess&& other) noexcept
    : pid_(other.pid_), ended_(std::exchange(other.ended_, true)), status_(other.status_) {}

DependentProcess::~DependentProcess() { kill(); }

bool DependentProcess::running() {
  if (ended_) return false;
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
  ended_ = reaped != 0;
  if (reaped == pid_) status_ = status;
  return !ended_;
}

bool DependentProcess::wait(std::chrono::milliseconds timeout) {
  constexpr useconds_t kPauseMicroseconds = 5000;
  const auto deadline = std::chrono::steady_clock::now() + timeout;
  while (running()) {
    if (std::chrono::steady_clock::now() >= deadline) return false;
    ::usleep(kPauseMicroseconds);
  }
  return true;
}

void DependentProcess::pause() {
  if (running()) ::kill(-pid_, SIGSTOP);
}

void DependentProcess::go_on() {
  if (running()) ::kill(-pid_, SIGCONT);
}

void DependentProcess::ask_to_end() {
  if (running()) ::kill(pid_, SIGTERM);
}

void DependentProcess::kill() {
  if (!running()) return;
  ::kill(pid_, SIGKILL);
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  ended_ = true;
}

}  // namespace brim::host
