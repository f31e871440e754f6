// SPDX-License-Identifier: Apache-2.0
#pragma once
// Other people's programs against thrashing, as controls of live runs: earlyoom 1.7, nohang 0.2
// (Debian's packages) and systemd-oomd, which is in oomd_control.h. The first two kill processes.
// They look at the memory of the whole machine, and are shown the group's (peer_control.h); nohang
// reads the group's pressure.
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

#include "thrash/live/live_control.h"

#include <string>
#include <vector>

namespace brim::thrash::live {

// Sorted by name.
[[nodiscard]] std::vector<LiveControlPolicy> peer_controls();

// `original` with these values in place of its own; `bad_input` names a key that it does not have.
struct ConfigValue {
  std::string key;
  std::string value;
};
[[nodiscard]] Result<std::string> with_values(const std::string& original,
                                              const std::vector<ConfigValue>& values);

}  // namespace brim::thrash::live
