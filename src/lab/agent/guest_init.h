// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the agent does as the first process of a guest, in this order:
//   1. mounts /proc, /sys, /dev and, at /sys/fs/cgroup, cgroup version 2;
//   2. loads the modules that kModuleList names, a path a line, in that order; without that file,
//      kGuestModules of /lib/modules, by its modules.dep;
//   3. passes the memory controller on to cgroups below the root, so that they have limits;
//   4. finds the agent's virtio-serial port.
// The guest is the agent's own: this is the one part of brim outside src/host that is a door to a
// kernel, another one than the host's.

#include "base/fd.h"
#include "base/result.h"

#include <string>
#include <vector>

namespace brim::lab {

inline constexpr char kModuleList[] = "/lib/brim/modules.list";

// What did not work, one clause each: a guest without a balloon is still of use.
[[nodiscard]] std::vector<std::string> prepare_guest();

// The port's device, opened, as soon as it appears; `missing` after ten seconds.
[[nodiscard]] Result<Fd> open_agent_port();

// Ends the guest: QEMU, started with -no-reboot, exits on a reset.
[[noreturn]] void reset_guest();

}  // namespace brim::lab
