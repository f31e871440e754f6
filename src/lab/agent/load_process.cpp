// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load_process.h"

#include "base/fd.h"
#include "base/units.h"
#include "lab/agent/program_load.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {
namespace {

constexpr int kLoadFailed = 3;

void sleep_for(std::chrono::nanoseconds pause) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(pause);
  timespec left{static_cast<time_t>(seconds.count()), static_cast<long>((pause - seconds).count())};
  while (::nanosleep(&left, &left) != 0 && errno == EINTR) continue;
}

Result<std::span<std::byte>> take_memory(Bytes bytes, Mergeable mergeable) {
  if (bytes == Bytes(0)) return std::span<std::byte>();
  void* memory =
      ::mmap(nullptr, bytes.count(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return fail(errno_error(errno, "take the load's memory", ""));
  if (mergeable == Mergeable::yes && ::madvise(memory, bytes.count(), MADV_MERGEABLE) != 0)
    return fail(errno_error(errno, "register the load's memory with KSM", ""));
  return std::span(static_cast<std::byte*>(memory), bytes.count());
}

std::string how_it_ended(int status, const LoadProgress& progress) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return progress.ended.data();
}

// fork(), for a load of programs in a pid namespace, whose processes all end with the first of
// them, and in a mount namespace.
pid_t fork_for(const Load& load) {
  if (load.kind == LoadKind::synthetic) return ::fork();
  return static_cast<pid_t>(
      ::syscall(SYS_clone, CLONE_NEWPID | CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, 0UL));
}

// In the child. Its last words are left in `progress`.
[[noreturn]] void run_and_exit(const Load& load, LoadProgress& progress) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::string said;
  bool done = false;
  if (load.kind == LoadKind::synthetic) {
    said = error_line(run_load(load, Mergeable::no, progress, [] {}));
  } else {
    const auto result = run_program_load(load, progress);
    done = result.has_value();
    said = done ? *result : error_line(result.error());
  }
  said.copy(progress.ended.data(), progress.ended.size() - 1);
  ::_exit(done ? 0 : kLoadFailed);
}

}  // namespace

// All its bytes are 0 in a new file: nothing done.
Result<ProgressFile> ProgressFile::open(const std::string& path) {
  constexpr mode_t kOwnerOnly = 0600;
  const Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kOwnerOnly));
  if (!file || ::ftruncate(file.get(), sizeof(LoadProgress)) != 0)
    return fail(errno_error(errno, "open for a load's progress", path));
  void* shared =
      ::mmap(nullptr, sizeof(LoadProgress), PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (shared == MAP_FAILED) return fail(errno_error(errno, "map", path));
  return ProgressFile(static_cast<LoadProgress*>(shared));
}

ProgressFile::ProgressFile(ProgressFile&& other) noexcept
    : progress_(std::exchange(other.progress_, nullptr)) {}

ProgressFile::~ProgressFile() {
  if (progress_ != nullptr) ::munmap(progress_, sizeof(LoadProgress));
}

Error run_load(const Load& load, Mergeable mergeable, LoadProgress& progress,
               const std::function<void()>& filled) {
  const auto memory = take_memory(load.bytes, mergeable);
  if (!memory) return memory.error();
  LoadedBuffer buffer(load, *memory);
  buffer.fill();
  progress.filled = true;
  filled();
  for (;;) {
    progress.writes += buffer.cycle();
    ++progress.cycles;
    // Without a pause an idle load would spin.
    sleep_for(buffer.writes_per_cycle() == 0
                  ? std::max(load.pause, std::chrono::nanoseconds(std::chrono::seconds(1)))
                  : load.pause);
  }
}

Result<LoadProcess> LoadProcess::start(const Load& load) {
  void* shared = ::mmap(nullptr, sizeof(LoadProgress), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return fail(errno_error(errno, "mmap", ""));
  LoadProcess process;
  process.progress_ = new (shared) LoadProgress();
  process.pid_ = fork_for(load);
  if (process.pid_ < 0) return fail(errno_error(errno, "start a process for the load", ""));
  if (process.pid_ == 0) run_and_exit(load, *process.progress_);
  return process;
}

LoadProcess::LoadProcess(LoadProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      progress_(std::exchange(other.progress_, nullptr)),
      failed_(other.failed_),
      ended_(std::move(other.ended_)) {}

LoadProcess::~LoadProcess() {
  if (pid_ > 0) {
    ::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) continue;
  }
  if (progress_ != nullptr) ::munmap(progress_, sizeof(LoadProgress));
}

LoadState LoadProcess::state() {
  int status = 0;
  if (pid_ > 0 && ::waitpid(pid_, &status, WNOHANG) == pid_) {
    pid_ = 0;
    failed_ = status != 0;
    ended_ = how_it_ended(status, *progress_);
  }
  return {
      pid_ > 0, progress_->filled, progress_->cycles, progress_->writes, progress_->work, failed_,
      ended_};
}

}  // namespace brim::lab
