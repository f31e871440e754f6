// SPDX-License-Identifier: Apache-2.0
#pragma once
// A program that runs beside brim and never longer: it is killed with the object, and by the kernel
// when brim dies of whatever (PR_SET_PDEATHSIG).
//
// LIMIT: the kernel's signal comes when the thread that started the program ends, not the process:
// start it from a thread that lives as long as it should (prctl(2)).

#include "base/result.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace brim::host {

struct ProgramStart {
  std::vector<std::string> arguments;  // the program first, found on PATH
  std::string log;                     // gets what it prints; an empty name: nobody does
  std::string cgroup;                  // the folder of the cgroup it begins in; empty: brim's own
  bool huge_pages = true;              // false: no transparent ones, whatever the host's setting
  bool killed_first = false;           // when memory runs out, before anybody else (oom_score_adj)
};

class DependentProcess {
 public:
  // Comes back once the program runs. `missing` where there is none of that name.
  [[nodiscard]] static Result<DependentProcess> start(const ProgramStart& start);
  ~DependentProcess();
  DependentProcess(DependentProcess&& other) noexcept;
  DependentProcess& operator=(DependentProcess&&) = delete;

  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] bool running();
  // Whether it ends by itself in this time.
  [[nodiscard]] bool wait(std::chrono::milliseconds timeout);
  // It and its process group do nothing from now on; their memory stays (SIGSTOP).
  void pause();
  void go_on();       // (SIGCONT)
  void ask_to_end();  // (SIGTERM)
  void kill();
  // How it ended by itself, as waitpid(2) tells it; nothing while it runs, and after kill().
  [[nodiscard]] std::optional<int> status() const { return status_; }

 private:
  explicit DependentProcess(pid_t pid) : pid_(pid) {}
  pid_t pid_ = 0;
  bool ended_ = false;  // and reaped
  std::optional<int> status_;
};

}  // namespace brim::host
