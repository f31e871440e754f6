// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/load_process.h"

#include "base/units.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <ctime>
#include <new>
#include <span>
#include <utility>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
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

std::string how_it_ended(int status) {
  if (WIFSIGNALED(status))
    return fmt::format("killed by signal {} ({})", WTERMSIG(status), ::strsignal(WTERMSIG(status)));
  return "it could not take its memory";
}

}  // namespace

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
  process.pid_ = ::fork();
  if (process.pid_ < 0) return fail(errno_error(errno, "fork", ""));
  if (process.pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    static_cast<void>(run_load(load, Mergeable::no, *process.progress_, [] {}));
    ::_exit(kLoadFailed);
  }
  return process;
}

LoadProcess::LoadProcess(LoadProcess&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)),
      progress_(std::exchange(other.progress_, nullptr)),
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
    ended_ = how_it_ended(status);
  }
  return {pid_ > 0, progress_->filled, progress_->cycles, progress_->writes, ended_};
}

}  // namespace brim::lab
