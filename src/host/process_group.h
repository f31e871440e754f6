// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the processes of a process group (setpgid(2)) have done together, as /proc shows it: a shell
// and all it started, as long as nothing of that has made a group of its own.
//
// Faults are also those of processes that have ended, once their parents have waited for them
// (proc(5): cminflt, cmajflt). Files are read one after the other, not at one instant, so that a
// process which ends meanwhile can be missed or be in it twice.

#include "base/result.h"
#include "host/host.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>

namespace brim::host {

struct ProcessGroupReading {
  std::size_t processes = 0;  // those that run now
  std::size_t waiting = 0;    // of them, for a page or a device (state D)
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
};

// By group, of those asked for; a group without a process is left out.
[[nodiscard]] Result<std::map<int, ProcessGroupReading>> read_process_groups(
    const Host& host, const std::set<int>& groups);

}  // namespace brim::host
