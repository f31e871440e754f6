// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests: a role of the agent in a process of its own.

#include <chrono>
#include <functional>
#include <thread>

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace brim::lab {

// In a process group of its own, as brim starts the agent; killed at the end.
class RoleInChild {
 public:
  explicit RoleInChild(const std::function<void()>& role) : pid_(::fork()) {
    if (pid_ == 0) {
      ::setpgid(0, 0);
      role();
      ::_exit(0);
    }
    ::setpgid(pid_, pid_);  // on both sides: whoever comes first
  }
  ~RoleInChild() {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  RoleInChild(const RoleInChild&) = delete;
  RoleInChild& operator=(const RoleInChild&) = delete;
  [[nodiscard]] int pid() const { return pid_; }
  void kill() const { ::kill(pid_, SIGKILL); }

 private:
  pid_t pid_;
};

inline bool eventually(const std::function<bool()>& holds) {
  for (int i = 0; i < 2000 && !holds(); ++i)
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  return holds();
}

}  // namespace brim::lab
