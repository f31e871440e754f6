// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a running guest holds on the host, on disk before it holds it, so that `brim restore` and
// brim's next start end what a killed brim left: the emulator, its cgroup, its folder.
//
// The kernel kills a guest with its brim (dependent_process.h); the record is for what that leaves,
// and for where it fails. One JSON file a guest, fsync'ed, removed last. A record whose brim still
// runs (pid and start time) is left alone; of another boot only the folder is left to remove.

#include "base/result.h"
#include "host/host.h"

#include <cstdint>
#include <string>
#include <vector>

namespace brim::lab {

struct GuestRecord {
  std::string directory;  // sockets and logs; its name is kGuestCgroupPrefix...
  std::string cgroup;     // its folder; empty: none
  std::string boot_id;
  int owner_pid = 0;  // the brim that runs it
  std::uint64_t owner_start_ticks = 0;
};

// A record for a guest of this process. Gives the file.
[[nodiscard]] Result<std::string> write_guest_record(const host::Host& host,
                                                     const std::string& records,
                                                     GuestRecord record);
void remove_guest_record(const std::string& file);

// Ends what guests of dead brims left. A line for each: what was ended, or why it was not.
[[nodiscard]] std::vector<std::string> end_abandoned_guests(const host::Host& host,
                                                            const std::string& records);

}  // namespace brim::lab
