// SPDX-License-Identifier: Apache-2.0
#pragma once
// A process of others that stands still (SIGSTOP) as long as this object lives, and not longer:
// should brim die, `kill -9` included, a helper that was forked before lets it go on (SIGCONT).
// Where the helper dies, too, it takes word on disk to find the process again (lab/pause_record.h).
//
// Signals go through a pidfd, so that none ever reaches another process of the same number.

#include "base/fd.h"
#include "base/result.h"
#include "host/process.h"

#include <utility>

#include <sys/types.h>

namespace brim::host {

class PausedProcess {
 public:
  // It stands still when this comes back. `missing` on kernels without pidfd_open (5.3).
  [[nodiscard]] static Result<PausedProcess> pause(const Process& process);
  ~PausedProcess();
  PausedProcess(PausedProcess&& other) noexcept;
  PausedProcess& operator=(PausedProcess&&) = delete;

  [[nodiscard]] int helper_pid() const { return helper_; }

 private:
  PausedProcess(Fd process, Fd lifeline, pid_t helper)
      : process_(std::move(process)), lifeline_(std::move(lifeline)), helper_(helper) {}
  Fd process_;
  Fd lifeline_;  // what the helper waits for to close
  pid_t helper_ = 0;
};

// Whether it stands still already, by whoever's signal.
[[nodiscard]] Result<bool> stands_still(const Process& process);
// `gone` where it has exited.
[[nodiscard]] Result<void> let_go_on(const Process& process);

}  // namespace brim::host
