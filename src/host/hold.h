// SPDX-License-Identifier: Apache-2.0
#pragma once
// One thing that stands still because brim said so, by the gentlest means there is: a VM paused
// through its monitor, a cgroup frozen (version 2, or the freezer of version 1), a process stopped
// by a signal. And the record of it on disk, by which it goes on whatever becomes of brim.
//
// cgroup-v2.rst (cgroup.freeze), cgroup-v1/freezer-subsystem.rst; a stopped process is seen by its
// parent (SIGCHLD, waitpid(2)), a frozen one is not: signals come last.

#include "base/result.h"
#include "host/host.h"
#include "host/record_file.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

// A process by number and start time.
struct HeldProcess {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  auto operator<=>(const HeldProcess&) const = default;
};

enum class HoldMeans : std::uint8_t { machine_monitor, cgroup_v2, freezer_v1, signal };
[[nodiscard]] std::string_view name_of(HoldMeans means);

struct Hold {
  HoldMeans means = HoldMeans::signal;
  std::string place;                   // the cgroup's folder, or the monitor's socket
  std::vector<HeldProcess> processes;  // ascending; one, unless it is a cgroup
  bool operator==(const Hold&) const = default;
};

// Makes it stand still. False where it did already, by somebody else's will: then it is not brim's.
// `gone` where the process has exited.
[[nodiscard]] Result<bool> make_hold(const Host& host, const Hold& hold);
// Whether it stood still until now. No error for what is gone.
[[nodiscard]] Result<bool> undo_hold(const Host& host, const Hold& hold);

// Gives the record's file; before make_hold(). `number`: another for each of a run.
[[nodiscard]] Result<std::string> write_hold_record(const Host& host, const std::string& records,
                                                    const Hold& hold, std::uint64_t number);
// Lets go what dead brims held; those of `dead` too, which is known to be at its end. A line for
// each that stood still, and for what could not be undone.
[[nodiscard]] std::vector<std::string> let_go_abandoned_holds(
    const Host& host, const std::string& records, const std::optional<RecordOwner>& dead);

}  // namespace brim::host
