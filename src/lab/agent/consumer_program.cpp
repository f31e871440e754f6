// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/consumer_program.h"

#include "base/fd.h"
#include "base/json_text.h"
#include "host/shared_memory.h"
#include "lab/agent/monotonic_time.h"
#include "lab/agent/program_output.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {
namespace {

constexpr char kShell[] = "/bin/sh";
constexpr int kNoShell = 127;  // as shells say that there is no such program
constexpr int kConsumerFailed = 3;
constexpr pid_t kNobody = 0;  // waitpid() never gives it

std::string how_program_ended(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("was killed by signal {} ({})", WTERMSIG(status),
                       ::strsignal(WTERMSIG(status)));
  return fmt::format("ended with status {}", WEXITSTATUS(status));
}

// Programs look up each other, and themselves, by pids that only this namespace's /proc has.
Result<void> mount_own_proc() {
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0)
    return fail(errno_error(errno, "mount a consumer's own", "/proc"));
  return {};
}

// Readable while there are children that have ended.
Result<Fd> open_ended_children() {
  sigset_t child;
  sigemptyset(&child);
  sigaddset(&child, SIGCHLD);
  if (::sigprocmask(SIG_BLOCK, &child, nullptr) != 0)
    return fail(errno_error(errno, "block SIGCHLD", ""));
  Fd ended(::signalfd(-1, &child, SFD_NONBLOCK | SFD_CLOEXEC));
  if (!ended) return fail(errno_error(errno, "signalfd", ""));
  return ended;
}

// What the namespace's first process does.
class ProgramRunner {
 public:
  [[nodiscard]] static Result<ProgramRunner> make(const ConsumerProgram& program,
                                                  ConsumerPage& page) {
    BRIM_CHECK(mount_own_proc());
    if (::chdir(program.folder.c_str()) != 0)
      return fail(errno_error(errno, "go into", program.folder));
    ::setenv("TMPDIR", program.folder.c_str(), 1);
    BRIM_TRY(Fd ended, open_ended_children());
    BRIM_TRY(ProgramOutput output, ProgramOutput::open());
    BRIM_TRY(ProgramOutput errors, ProgramOutput::open());
    return ProgramRunner(program, page, std::move(ended), std::move(output), std::move(errors));
  }

  Result<void> run() {
    if (!program_.prepare.empty()) BRIM_CHECK(prepare());
    page_.ready = true;
    while (page_.told == 0) host::wait_while(&page_.told, 0);
    static_cast<void>(wait_for(kNobody, page_.start));
    page_.has_memory = true;
    while (monotonic_now() < page_.end) {
      BRIM_TRY(const pid_t command, start(program_.command, output_));
      const std::optional<int> status = wait_for(command, page_.end);
      if (!status) return {};
      BRIM_CHECK(check_end("command", *status));
      page_.bursts.fetch_add(1, std::memory_order_relaxed);
    }
    return {};
  }

 private:
  ProgramRunner(const ConsumerProgram& program, ConsumerPage& page, Fd ended, ProgramOutput output,
                ProgramOutput errors)
      : program_(program),
        page_(page),
        ended_(std::move(ended)),
        output_(std::move(output)),
        errors_(std::move(errors)) {}

  Result<void> prepare() {
    BRIM_TRY(const Fd turn, wait_for_turn());
    // What it prints is no work.
    BRIM_TRY(const pid_t preparing, start(program_.prepare, errors_));
    const auto status = wait_for(preparing, monotonic_now() + program_.prepare_within.count());
    if (status) return check_end("prepare command", *status);
    return fail(ErrorCode::io,
                fmt::format("its prepare command had not ended within {:g} s",
                            std::chrono::duration<double>(program_.prepare_within).count()));
  }

  // Held as long as it is open.
  [[nodiscard]] Result<Fd> wait_for_turn() const {
    const std::string above = program_.folder + "/..";
    Fd turn(::open(above.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!turn || ::flock(turn.get(), LOCK_EX) != 0)
      return fail(errno_error(errno, "wait for a turn to prepare", above));
    return turn;
  }

  [[nodiscard]] Result<pid_t> start(const std::string& command, const ProgramOutput& output) const {
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno_error(errno, "start", kShell));
    if (pid > 0) return pid;
    ::dup2(output.writing(), STDOUT_FILENO);
    ::dup2(errors_.writing(), STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    char name[] = "sh";
    char option[] = "-c";
    char* const words[] = {name, option, const_cast<char*>(command.c_str()), nullptr};
    ::execv(kShell, words);
    ::_exit(kNoShell);
  }

  // Counts meanwhile. How it ended (waitpid(2)); nothing: the time came first.
  std::optional<int> wait_for(pid_t pid, std::int64_t until) {
    for (;;) {
      const std::optional<int> status = take_in_ended(pid);
      output_.take();
      errors_.take();
      page_.accesses.store(output_.lines(), std::memory_order_relaxed);
      const std::int64_t left = until - monotonic_now();
      if (status || left <= 0) return status;
      wait_for_news(left);
    }
  }

  // How this one ended, if it is among them. The others are orphans.
  static std::optional<int> take_in_ended(pid_t wanted) {
    std::optional<int> found;
    for (;;) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return found;
      if (pid == wanted) found = status;
    }
  }

  void wait_for_news(std::int64_t nanoseconds) const {
    constexpr std::int64_t kLongestWait = 60'000;  // ms
    const std::int64_t milliseconds = std::min(nanoseconds / 1'000'000 + 1, kLongestWait);
    std::array<pollfd, 3> news{{{output_.reading(), POLLIN, 0},
                                {errors_.reading(), POLLIN, 0},
                                {ended_.get(), POLLIN, 0}}};
    ::poll(news.data(), news.size(), static_cast<int>(milliseconds));
    signalfd_siginfo child{};
    while (::read(ended_.get(), &child, sizeof child) > 0) continue;
  }

  [[nodiscard]] Result<void> check_end(std::string_view what, int status) const {
    if (status == 0) return {};
    const std::string said = errors_.last_line();
    return fail(ErrorCode::io, fmt::format("its {} {}{}{}", what, how_program_ended(status),
                                           said.empty() ? "" : ": ", said));
  }

  const ConsumerProgram& program_;
  ConsumerPage& page_;
  Fd ended_;
  ProgramOutput output_;
  ProgramOutput errors_;
};

void tell_failed(ConsumerPage& page, const Error& error) {
  const std::string why = error_line(error);
  why.copy(page.failed.data(), page.failed.size() - 1);
}

Result<void> run_as_first(const ConsumerProgram& program, ConsumerPage& page) {
  BRIM_TRY(ProgramRunner runner, ProgramRunner::make(program, page));
  return runner.run();
}

// In the namespace's first process. `agent`: a pipe whose other end the agent alone has, so that
// its death before the signal was asked for is seen, too.
[[noreturn]] void be_first(const ConsumerProgram& program, ConsumerPage& page,
                           const Fd& agent) noexcept {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  pollfd death{agent.get(), 0, 0};
  if (::poll(&death, 1, 0) != 0) ::_exit(kConsumerFailed);
  page.locked = page.locked && ::mlockall(MCL_CURRENT) == 0;
  const auto done = run_as_first(program, page);
  if (!done) tell_failed(page, done.error());
  ::_exit(done ? 0 : kConsumerFailed);
}

Result<void> run_in_namespace(const ConsumerProgram& program, ConsumerPage& page) {
  if (::unshare(CLONE_NEWPID | CLONE_NEWNS) != 0)
    return fail(errno_error(errno, "make namespaces for a program", ""));
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno_error(errno, "pipe", ""));
  const Fd agent(ends[0]);
  Fd alive(ends[1]);
  const pid_t first = ::fork();
  if (first < 0) return fail(errno_error(errno, "fork", ""));
  if (first == 0) {
    alive.reset();
    be_first(program, page, agent);
  }
  int status = 0;
  while (::waitpid(first, &status, 0) < 0 && errno == EINTR) continue;
  if (status == 0) return {};
  if (page.failed.front() != '\0') return fail(ErrorCode::io, page.failed.data());
  return fail(ErrorCode::io, "its first process " + how_program_ended(status));
}

}  // namespace

Result<ConsumerProgram> parse_consumer_program(std::string_view text) {
  const auto object = parse_json(text);
  if (!object) return fail(ErrorCode::bad_input, "a program is told as JSON");
  try {
    ConsumerProgram program;
    program.command = object->at("command").get<std::string>();
    program.prepare = object->at("prepare").get<std::string>();
    program.prepare_within =
        std::chrono::nanoseconds(object->at("prepare_within_ns").get<std::int64_t>());
    program.folder = object->at("folder").get<std::string>();
    return program;
  } catch (const nlohmann::json::exception& error) {
    return fail(ErrorCode::bad_input, error.what(), "a program");
  }
}

std::string format_consumer_program(const ConsumerProgram& program) {
  return json_line({{"command", program.command},
                    {"prepare", program.prepare},
                    {"prepare_within_ns", program.prepare_within.count()},
                    {"folder", program.folder}});
}

Result<void> run_consumer_program(const ConsumerProgram& program, ConsumerPage& page) {
  page.locked = ::mlockall(MCL_CURRENT) == 0;
  auto done = run_in_namespace(program, page);
  if (done)
    page.ended = monotonic_now();
  else if (page.failed.front() == '\0')
    tell_failed(page, done.error());
  return done;
}

}  // namespace brim::lab
