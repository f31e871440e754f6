// SPDX-License-Identifier: Apache-2.0
#pragma once
// The guest with cgroups of version 2 alone (v2_guest.h) as tests use it: what it does not answer
// fails the test.

#include "lab_fixture.h"
#include "thrash_fixture.h"
#include "v2_guest.h"

#include <chrono>
#include <functional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace brim::live {

class V2Machine {
 public:
  V2Machine() : guest_(V2Guest::start({.brim = BRIM_PROGRAM, .scenario = kThrashScenario})) {}

  // What this host lacks for it; empty: nothing.
  [[nodiscard]] std::string missing() const {
    return !guest_ && guest_.error().code == ErrorCode::missing ? error_line(guest_.error()) : "";
  }
  // Why it is not there though nothing is missing; empty: it is.
  [[nodiscard]] std::string problem() const {
    return guest_ || !missing().empty() ? "" : error_line(guest_.error());
  }
  [[nodiscard]] bool has_oomd() const { return guest_->has_oomd(); }

  std::string run(const std::string& script) { return answered(guest_->run(script)); }
  void start(const std::string& name, const std::string& command) {
    EXPECT_DONE(guest_->start_program(name, command));
  }
  void kill(const std::string& name, const std::string& signal) {
    EXPECT_DONE(guest_->kill(name, signal));
  }
  [[nodiscard]] bool ended(const std::string& name) {
    return answered(guest_->status_of(name)).has_value();
  }
  // Its exit status, once it has ended; -1 after this time.
  int wait(const std::string& name, std::chrono::seconds most) {
    if (!becomes([&] { return ended(name); }, most)) return -1;
    return answered(guest_->status_of(name)).value_or(-1);
  }
  // Waits for a condition, at most this long.
  static bool becomes(const std::function<bool()>& holds, std::chrono::seconds most) {
    const auto end = std::chrono::steady_clock::now() + most;
    while (!holds()) {
      if (std::chrono::steady_clock::now() > end) return false;
      std::this_thread::sleep_for(kBetweenLooks);
    }
    return true;
  }
  static constexpr auto kBetweenLooks = 800ms;
  std::string file(const std::string& name) { return answered(guest_->file(name)); }

  // The pids of brim's consumers in it, and how many of them are stopped by a signal.
  struct Consumers {
    std::vector<int> pids;
    int stopped = 0;
  };
  Consumers consumers() {
    Consumers found;
    std::istringstream lines(run("./tasks brim-agent"));
    std::string state;
    for (int pid = 0; lines >> pid >> state;) {
      found.pids.push_back(pid);
      found.stopped += state == "T" ? 1 : 0;
    }
    return found;
  }
  // What runs of brim left in it, a line each; nothing should be.
  std::string left() {
    return run(
        "ls -d /sys/fs/cgroup/brim-* 2>/dev/null; tail -n +2 /proc/swaps; ls swap; "
        "for name in brim brim-agent brim-probe systemd-oomd; do ./tasks $name; done; "
        "ls -d /tmp/brim-* 2>/dev/null; grep -E ' /run| /proc/meminfo' /proc/mounts; "
        "find state/swap state/groups state/holds state/journal -type f ! -name lock 2>/dev/null");
  }

 private:
  template <class T>
  static T answered(Result<T> answer) {
    EXPECT_DONE(answer);
    return answer ? std::move(*answer) : T();
  }

  Result<V2Guest> guest_;
};

}  // namespace brim::live
