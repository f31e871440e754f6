// SPDX-License-Identifier: Apache-2.0
#pragma once
// The set of processes of others that brim holds still, and a watchdog that lets them all go should
// brim die, `kill -9` included. What is asked for is the whole set; holds (hold.h) are made and
// undone so that it comes true, the gentlest means first: a VM through its monitor, a cgroup all of
// whose processes are in the set, else a signal.
//
// A record of each hold is on disk before it is made, for the watchdog, `brim restore` and brim's
// next start. One brim at a time may hold anything (a lock in the folder of records).
//
// Invariant: what stands still because of this object is in its records; what stood still before
// is never touched.
//
// LIMIT: a process that begins in a cgroup that is frozen stands still until the cgroup goes on.
// LIMIT: a monitor that libvirt holds can't be asked: such a VM is frozen like any process, and its
// guest sees a jump of time.

#include "base/fd.h"
#include "base/result.h"
#include "host/hold.h"
#include "host/host.h"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <sys/types.h>

namespace brim::host {

// A helper process that waits for brim's end, and then lets all go that is in the records.
class HoldWatchdog {
 public:
  [[nodiscard]] static Result<HoldWatchdog> start(const Host& host, const std::string& records);
  ~HoldWatchdog();
  HoldWatchdog(HoldWatchdog&& other) noexcept;
  HoldWatchdog& operator=(HoldWatchdog&& other) noexcept;

  [[nodiscard]] int pid() const { return pid_; }
  [[nodiscard]] bool alive();

 private:
  HoldWatchdog(pid_t pid, Fd lifeline) : pid_(pid), lifeline_(std::move(lifeline)) {}
  pid_t pid_ = 0;  // 0: moved away, or reaped
  Fd lifeline_;    // what it waits for to close
};

class HeldTasks {
 public:
  struct Wanted {
    HeldProcess process;
    bool machine = false;  // a VM: by its monitor, if that answers
  };
  struct Held {
    HeldProcess process;
    std::chrono::nanoseconds since{0};  // of the steady clock
    HoldMeans means = HoldMeans::signal;
    std::string place;  // of the hold
  };

  // `records` is a folder on this machine; `host`, live, must outlive it. `denied` where another
  // brim holds tasks still.
  [[nodiscard]] static Result<HeldTasks> open(const Host& host, const std::string& records);
  // All go on.
  ~HeldTasks();
  HeldTasks(HeldTasks&&) noexcept = default;
  HeldTasks& operator=(HeldTasks&&) = delete;

  // Afterwards these stand still, as far as the problems don't say otherwise, and no others. What
  // has exited is left out.
  [[nodiscard]] std::vector<Error> hold_exactly(const std::vector<Wanted>& wanted);

  [[nodiscard]] std::vector<Held> held() const;  // ascending
  [[nodiscard]] int watchdog_pid() const { return watchdog_.pid(); }
  // Starts another watchdog where the last has ended; whether it had to.
  [[nodiscard]] Result<bool> renew_watchdog();

 private:
  struct Kept {
    Hold hold;
    std::string record;
    std::chrono::nanoseconds since{0};
  };
  HeldTasks(const Host& host, std::string records, Fd lock, HoldWatchdog watchdog);
  [[nodiscard]] Result<void> keep(const Hold& hold);
  [[nodiscard]] Result<void> let_go(const Kept& kept) const;
  [[nodiscard]] Result<std::vector<Hold>> keep_somehow(const Hold& hold);
  [[nodiscard]] bool has(const Hold& hold) const;
  [[nodiscard]] std::chrono::nanoseconds held_since(const Hold& hold) const;

  const Host* host_;
  std::string records_;
  Fd lock_;
  HoldWatchdog watchdog_;
  std::vector<Kept> kept_;
  std::set<std::string> refused_;  // monitors and cgroups that can't be had: not asked again
  std::uint64_t number_ = 0;
  pid_t owner_ = 0;  // a forked copy lets nothing go
};

}  // namespace brim::host
