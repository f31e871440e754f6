// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running guest holds on the host, on disk before it holds it, so that `brim restore` and
// brim's next start end what a killed brim left: the emulator, its cgroup, its folder.
//
// The kernel kills a guest with its brim (dependent_process.h); the record is for what that leaves,
// and for where it fails. One file a guest (record_file.h), removed last. A record whose brim still
// runs (pid and start time) is left alone; of another boot only the folder is left to remove.

#include "base/result.h"
#include "host/host.h"

#include <string>
#include <vector>

namespace brim::lab {

// A record for a guest of this process. `directory`: of sockets and logs; its name is
// kGuestCgroupPrefix... `cgroup`: its folder; empty: none. Gives the file.
[[nodiscard]] Result<std::string> write_guest_record(const host::Host& host,
                                                     const std::string& records,
                                                     const std::string& directory,
                                                     const std::string& cgroup);
void remove_guest_record(const std::string& file);

// Ends what guests of dead brims left. A line for each: what was ended, or why it was not.
[[nodiscard]] std::vector<std::string> end_abandoned_guests(const host::Host& host,
                                                            const std::string& records);

}  // namespace brim::lab
