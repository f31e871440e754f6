// SPDX-License-Identifier: Apache-2.0
#pragma once
// systemd-oomd as a control of live runs: the daemon of Debian 12's package of that name (systemd
// 252; systemd-oomd.service(8), oomd.conf(5)), where cgroups are of version 2 alone. It kills whole
// cgroups: each consumer gets one, with all that it starts.
//
//   systemd-oomd(pressure=60,duration=20s,swap=90)
//     pressure, duration: DefaultMemoryPressureLimit and ...DurationSec, at least 1 s. Once "full
//       avg10" of the group has been above so many percent for so long, it kills the cgroup in
//       which most pages were looked at in the last second (pgscan), the larger of two alike; and
//       none for 15 s after that.
//     swap: SwapUsedLimit. Once more than so many percent are used of memory and of swap, it kills
//       the cgroup with most in swap, if that is more than 5 % of all.
//
// The defaults are Debian's, with which little happens in half a minute; (pressure=10,duration=2s)
// acts within it.
//
// It runs beside the run and is not the machine's service: in a mount namespace with nothing in
// /run but its configuration (in oomd.conf.d: it counts whatever the machine's says) and the socket
// where it asks which cgroups it may act on (host/managed_oom.h). There brim names the group, as
// pid 1 names a slice with ManagedOOMSwap=kill and ManagedOOMMemoryPressure=kill. Of memory and
// swap it is shown the group's (peer_control.h); pressure it reads itself. It is kept to consumers:
// whatever else runs in the group is left out (ManagedOOMPreference=omit).
//
// LIMIT: it runs as root, without what confines the service (systemd-oomd.service), and has no
// system bus, to which it would tell whom it killed.
// LIMIT: where brim is killed (SIGKILL) while the daemon's surroundings are made, the socket's
// folder and the file that is shown as /proc/meminfo stay in /tmp: a few bytes that nobody uses.

#include "thrash/live/live_control.h"

#include <chrono>
#include <string>

namespace brim::thrash::live {

[[nodiscard]] LiveControlPolicy oomd_control();

struct OomdLimits {
  double pressure_percent = 0;
  std::chrono::nanoseconds duration{0};
  double swap_percent = 0;
};
// Its configuration file.
[[nodiscard]] std::string oomd_config(const OomdLimits& limits);
// Shell commands that make /run as it is to see it, in its mount namespace. `socket` then lies
// where it asks, and has no name any more elsewhere: its folder is removed.
[[nodiscard]] std::string oomd_surroundings(const std::string& config, const std::string& socket);

}  // namespace brim::thrash::live
