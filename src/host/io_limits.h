// SPDX-License-Identifier: Apache-2.0
#pragma once
// Limits of a cgroup's I/O on one disk, so that what runs in it has a slower disk than there is
// (block/blk-throttle.c; Documentation/admin-guide/cgroup-v1/blkio-controller.rst, cgroup-v2.rst,
// "IO Interface Files").
//
// The kernel counts requests as they are submitted, before neighbours are merged. Swap submits each
// page by itself, also of a read-ahead, so that a request is a page (mm/page_io.c; seen on 6.18);
// a file's read-ahead is one request of many pages. Who is over its limit waits, all of the group
// in one queue for reads and one for writes.
//
// Nothing is to be put back: the limits are the group's, and go with it.
//
// LIMIT: what waits in the queues when the group ends may have to be waited for by who needs the
// same pages, as swapping off does: half a second was seen, at 10 reads a second.
// LIMIT: reads and writes are limited each by itself, where a disk's arm serves one of both.
// LIMIT: the kernel reckons in slices of 100 ms, each of which has a tenth in whole requests: 79 a
// second are 70 (seen on 6.18). All of it can come at once, from anywhere on the disk.
// LIMIT: what is swapped out is limited on few kernels (check_swap_writes()). It is charged to the
// group of its memory, whoever writes it, so that memory and I/O have to be of one hierarchy (seen
// held on 6.1, version 2; free on 6.18, version 1); and Linux 6.12 and later let it pass at once,
// for others may wait for that memory (seen on 6.12, version 2).

#include "base/result.h"
#include "base/units.h"
#include "host/group_layout.h"
#include "host/host.h"

#include <cstdint>
#include <string>

namespace brim::host {

// 0: as many, or as fast, as the disk can.
struct IoLimits {
  std::string disk;                // "254:0", as disk_below() tells it
  std::uint64_t reads_per_s = 0;   // requests
  std::uint64_t writes_per_s = 0;  // requests
  Bytes read_rate{0};              // a second
  Bytes write_rate{0};             // a second
};

// The disk that a folder's files are on, for limits are of whole disks: "8:0" for a partition 8:1.
// A device mapper's or a RAID's device is one, too. `missing` where the file system has no block
// device of its own by stat(2): btrfs, overlay, tmpfs, network file systems.
[[nodiscard]] Result<std::string> disk_below(const Host& host, const std::string& folder);
// Of a device as stat(2) tells it in st_dev.
[[nodiscard]] Result<std::string> disk_of(const Host& host, std::uint64_t device);

// `missing` with the reason where groups at these places can have no limits of I/O; before they are
// there. A version 2 kernel without throttling is found out by limit_io() alone.
[[nodiscard]] Result<void> check_io_limits(const Host& host, const GroupPlaces& places);
// The same of limits for what the group swaps out.
[[nodiscard]] Result<void> check_swap_writes(const Host& host, const GroupPlaces& places);

// Of a group that is there. What is 0 stays as it is.
[[nodiscard]] Result<void> limit_io(const Host& host, const GroupPlaces& places,
                                    const IoLimits& limits);

}  // namespace brim::host
