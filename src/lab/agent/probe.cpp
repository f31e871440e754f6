// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/probe.h"

#include "base/fd.h"
#include "base/text.h"
#include "host/own_program.h"
#include "host/shared_memory.h"
#include "lab/agent/monotonic_time.h"

#include <cerrno>
#include <cstddef>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {
namespace {

constexpr auto kLeastInterval = std::chrono::milliseconds(1);

Result<void> take_part_of_task(std::string_view name, std::string_view value, ProbeTask& task) {
  if (name == "kind") {
    if (value != "touch" && value != "exec")
      return fail(ErrorCode::bad_input, "a probe is touch or exec", std::string(name));
    task.kind = value == "touch" ? ProbeKind::touch : ProbeKind::exec;
  } else if (name == "memory") {
    BRIM_TRY(task.memory, parse_bytes(value));
  } else if (name == "interval") {
    BRIM_TRY(task.interval, parse_duration(value));
    if (task.interval < kLeastInterval)
      return fail(ErrorCode::bad_input, "less than a millisecond", std::string(name));
  } else if (name == "folder") {
    task.folder = value;
  } else {
    return fail(ErrorCode::bad_input, "a probe has no such key", std::string(name));
  }
  return {};
}

// The first beat that is not past.
std::int64_t next_beat(std::int64_t first, std::int64_t interval, std::int64_t now) {
  if (now <= first) return first;
  return first + (now - first + interval - 1) / interval * interval;
}

// Sleeps until the next beat, and tells how late it woke: for each beat that it slept through.
void wake_on_beat(const ProbeTask& task, ProbePage& page) {
  const std::int64_t interval = task.interval.count();
  const std::int64_t due = next_beat(page.first_beat, interval, monotonic_now());
  page.wake.begin(due);
  sleep_until(due);
  const std::int64_t woke = monotonic_now();
  for (std::int64_t beat = due; beat <= woke; beat += interval) page.wake.add(beat, woke - beat);
  page.wake.pending_since = 0;
}

Error touch_for_ever(const ProbeTask& task, ProbePage& page) {
  const std::uint64_t size = (task.memory.count() + kPageSize - 1) / kPageSize * kPageSize;
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE,
                              MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
  if (size == 0 || memory == MAP_FAILED) return errno_error(errno, "take a probe's memory", "");
  auto* const bytes = static_cast<volatile std::byte*>(memory);
  std::byte value{1};
  page.ready = true;
  while (page.told == 0) host::wait_while(&page.told, 0);
  for (;;) {
    wake_on_beat(task, page);
    const std::int64_t asked = monotonic_now();
    page.touch.begin(asked);
    for (std::uint64_t at = 0; at < size; at += kPageSize) bytes[at] = value;
    page.touch.done(asked, monotonic_now() - asked);
    value ^= std::byte{2};  // never 0: kernels don't write pages of zeros to swap
  }
}

// The errno of what failed; 0: it was started and has ended well.
int start_nothing(int program) {
  char name[] = "brim-agent";
  char argument[] = "--nothing";
  char* const arguments[] = {name, argument, nullptr};
  char* const environment[] = {nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) return errno;
  if (pid == 0) {
    ::fexecve(program, arguments, environment);
    ::_exit(errno == 0 ? EIO : errno);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) return errno;
  return WIFEXITED(status) ? WEXITSTATUS(status) : EINTR;
}

// A program that starts: the copy, or else this one.
Result<Fd> program_to_start(const ProbeTask& task, ProbePage& page) {
  if (auto copy = host::copy_of_own_program(task.folder); copy && start_nothing(copy->get()) == 0) {
    page.own_copy = true;
    return copy;
  }
  Fd own(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
  if (!own) return fail(errno_error(errno, "open", "/proc/self/exe"));
  if (const int why = start_nothing(own.get()); why != 0)
    return fail(errno_error(why, "start a program", "/proc/self/exe"));
  return own;
}

Error exec_for_ever(const ProbeTask& task, ProbePage& page) {
  const auto program = program_to_start(task, page);
  if (!program) return program.error();
  page.ready = true;
  while (page.told == 0) host::wait_while(&page.told, 0);
  for (;;) {
    const std::int64_t beat = next_beat(page.first_beat, task.interval.count(), monotonic_now());
    sleep_until(beat);
    const std::int64_t asked = monotonic_now();
    page.exec.begin(asked);
    if (const int why = start_nothing(program->get()); why != 0)
      return errno_error(why, "start a program", "");
    page.exec.done(asked, monotonic_now() - asked);
  }
}

}  // namespace

Result<ProbeTask> parse_probe(std::string_view text) {
  ProbeTask task;
  for (const std::string_view part : split(text, ',')) {
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos)
      return fail(ErrorCode::bad_input, "expected KEY=VALUE", std::string(part));
    BRIM_CHECK(take_part_of_task(part.substr(0, equals), part.substr(equals + 1), task));
  }
  return task;
}

std::string format_probe(const ProbeTask& task) {
  return fmt::format("kind={},memory={}B,interval={}ns,folder={}",
                     task.kind == ProbeKind::touch ? "touch" : "exec", task.memory.count(),
                     task.interval.count(), task.folder);
}

Error run_probe(const ProbeTask& task, ProbePage& page) {
  Error error =
      task.kind == ProbeKind::touch ? touch_for_ever(task, page) : exec_for_ever(task, page);
  const std::string why = error_line(error);
  why.copy(page.failed.data(), page.failed.size() - 1);
  return error;
}

void tell_probe(ProbePage& page, std::int64_t first_beat) {
  page.first_beat = first_beat;
  page.told = 1;
  host::wake_all(&page.told);
}

}  // namespace brim::lab
