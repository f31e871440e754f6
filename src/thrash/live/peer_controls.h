// SPDX-License-Identifier: Apache-2.0
#pragma once
// Other people's programs against thrashing, as controls of live runs: earlyoom 1.7 and nohang 0.2
// (Debian's packages). Both kill processes, and both look at the memory of the whole machine, which
// a group's thrashing does not show in. So that they can act, they are shown the group's as the
// machine's, as lxcfs shows it to a container: in a mount namespace of their own a file that the
// run keeps up to date lies over /proc/meminfo, and nohang reads the group's pressure.
//
//   earlyoom(memory=10,swap=100)  -m and -s: kills the process with the highest oom_score while
//                                 both available memory and free swap are below so many percent.
//                                 Its default for swap is 10: it then waits until swap is full.
//   nohang(soft=10,hard=90,excess=2s,pause=10s)
//                                 its rule of pressure (off by default): SIGTERM, or SIGKILL, once
//                                 "full avg10" has been so high for `excess`, `pause` after the
//                                 last time at the earliest. Its defaults are 40, 90, 30 s and
//                                 15 s, in which a run of half a minute is over; a pause
//                                 of less than 10 s it refuses.
//
// They are kept to consumers, which are marked to be killed first (oom_score_adj 1000).
// LIMIT: of what lies over /proc/meminfo, MemAvailable is the limit less all that the group has:
// its page cache counts as taken.

#include "thrash/live/live_control.h"

#include <string>
#include <vector>

namespace brim::thrash::live {

// Sorted by name.
[[nodiscard]] std::vector<LiveControlPolicy> peer_controls();

// What /proc/meminfo would have on a machine of this size. Always as long, so that it can be
// written over in place.
[[nodiscard]] std::string memory_info_of(Bytes limit, Bytes used, Bytes swap, Bytes swap_used);

// `original` with these values in place of its own; `bad_input` names a key that it does not have.
struct ConfigValue {
  std::string key;
  std::string value;
};
[[nodiscard]] Result<std::string> with_values(const std::string& original,
                                              const std::vector<ConfigValue>& values);

}  // namespace brim::thrash::live
