// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a load. A synthetic one takes its memory, fills it, then cycles with its pauses until the
// process is killed: in a guest a child of the agent, as a process of the host the agent itself. A
// load of programs is a child of the agent that starts them (program_load.h), in namespaces of its
// own, so that they end with it.

#include "base/result.h"
#include "lab/agent/load.h"

#include <array>
#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include <sys/types.h>

namespace brim::lab {

// Written by the load, read by whoever watches it, also from another process.
struct LoadProgress {
  std::atomic<bool> filled{false};
  std::atomic<std::uint64_t> cycles{0};
  std::atomic<std::uint64_t> writes{0};  // of a synthetic load
  std::atomic<std::uint64_t> work{0};    // mariadb: rows answered; compile: object files made
  std::array<char, 256> ended{};         // what the load said last, ended with a null
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// A load's progress in a file that the load and whoever watches it both map.
class ProgressFile {
 public:
  // Made where it is missing, with nothing done yet.
  [[nodiscard]] static Result<ProgressFile> open(const std::string& path);
  ~ProgressFile();
  ProgressFile(ProgressFile&& other) noexcept;
  ProgressFile& operator=(ProgressFile&&) = delete;
  [[nodiscard]] LoadProgress& progress() const { return *progress_; }

 private:
  explicit ProgressFile(LoadProgress* progress) : progress_(progress) {}
  LoadProgress* progress_;  // the mapping
};

// KSM takes only what was registered with it; a guest's own memory is registered by QEMU.
enum class Mergeable : bool { no, yes };

// A synthetic load, for ever, in this process: `filled` is called once the buffer is written. Comes
// back only with an error: no memory, or a kernel without KSM where the memory is to be mergeable.
[[nodiscard]] Error run_load(const Load& load, Mergeable mergeable, LoadProgress& progress,
                             const std::function<void()>& filled);

struct LoadState {
  bool running = false;
  bool filled = false;
  std::uint64_t cycles = 0;
  std::uint64_t writes = 0;
  std::uint64_t work = 0;
  bool failed = false;
  std::string ended;  // why it runs no more: what it got done, or what failed
};

// A load in a child process, which is killed with the object. Where a load of programs may not have
// namespaces, starting it is `denied`.
class LoadProcess {
 public:
  [[nodiscard]] static Result<LoadProcess> start(const Load& load);
  ~LoadProcess();
  LoadProcess(LoadProcess&& other) noexcept;
  LoadProcess& operator=(LoadProcess&&) = delete;

  [[nodiscard]] LoadState state();

 private:
  LoadProcess() = default;
  pid_t pid_ = 0;
  LoadProgress* progress_ = nullptr;  // a shared mapping of its own
  bool failed_ = false;
  std::string ended_;
};

}  // namespace brim::lab
