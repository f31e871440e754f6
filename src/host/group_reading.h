// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a cgroup tells of itself, in any layout. What a layout or kernel does not tell is an error
// with the reason (`missing`), never 0.
//
// Counters count from the group's making, with what cgroups below it do. They are read file by
// file, not at one instant.
// LIMIT: limit hits and kills are of version 1 those of the group itself, without cgroups below it.
// LIMIT: memory.stat of version 1 is summed up every two seconds or so (mm/memcontrol.c): a reading
// can be that old. I/O of version 1 is counted by the throttling of block devices, which newer
// kernels (seen on 6.18) leave out until somebody sets a limit: then it is missing. What version 1
// groups swap out is never in it: the kernel can't tell there whose page it was.

#include "base/result.h"
#include "base/units.h"
#include "host/group_layout.h"
#include "host/host.h"
#include "host/system.h"

#include <chrono>
#include <cstdint>

namespace brim::host {

struct GroupReading {
  Result<Bytes> memory;              // charged now; zram's own memory is not
  Result<Bytes> swap;                // swapped out now, uncompressed
  Result<Bytes> swap_cached;         // charged as memory and in a slot as well: on its way, or kept
  Result<std::uint64_t> limit_hits;  // reclaims because the limit was reached
  Result<std::uint64_t> oom_kills;
  Result<std::uint64_t> page_faults;
  Result<std::uint64_t> major_faults;  // that waited for a page to be read
  Result<Pages> refaults_anonymous;    // read back that was evicted from the working set
  Result<Pages> refaults_file;
  Result<Pages> scanned;  // looked at in reclaim
  Result<Pages> reclaimed;
  Result<Pages> swapped_in;
  Result<Pages> swapped_out;
  Result<Pressure> pressure;  // of memory
  Result<std::chrono::nanoseconds> user_time;
  Result<std::chrono::nanoseconds> system_time;
  Result<Bytes> read;  // from block devices
  Result<Bytes> written;
};

[[nodiscard]] GroupReading read_group(const Host& host, const GroupPlaces& places);

// Has the kernel add up the group's statistics, by reading them. Reclaim goes by these sums, which
// it makes itself each two seconds or so only (mem_cgroup_flush_stats(), Linux 5.15 and later).
[[nodiscard]] Result<void> count_group(const Host& host, const GroupPlaces& places);

}  // namespace brim::host
