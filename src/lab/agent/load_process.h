// SPDX-License-Identifier: Apache-2.0
#pragma once
// Runs a load: takes the memory, fills it, then cycles with its pauses until the process is killed.
// In a guest it is a child of the agent; as a process of the host it is the agent itself.

#include "base/result.h"
#include "lab/agent/load.h"

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
  std::atomic<std::uint64_t> writes{0};
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

// KSM takes only what was registered with it; a guest's own memory is registered by QEMU.
enum class Mergeable : bool { no, yes };

// For ever, in this process: `filled` is called once the buffer is written. Comes back only with an
// error: no memory, or a kernel without KSM where the memory is to be mergeable.
[[nodiscard]] Error run_load(const Load& load, Mergeable mergeable, LoadProgress& progress,
                             const std::function<void()>& filled);

struct LoadState {
  bool running = false;
  bool filled = false;
  std::uint64_t cycles = 0;
  std::uint64_t writes = 0;
  std::string ended;  // why it runs no more
};

// A load in a child process, which is killed with the object.
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
  std::string ended_;
};

}  // namespace brim::lab
