// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a simulated machine's memory is like: values, none of which names an operating system.

#include "base/units.h"
#include "thrash/model/page_pool.h"
#include "thrash/model/scan_pass.h"
#include "thrash/model/swap_device.h"
#include "thrash/model/swap_space.h"
#include "thrash/model/working_set_manager.h"

#include <cstdint>
#include <optional>

namespace brim::thrash::model {

// Free frames. Below `low` the kernel's process takes pages out in the background until there are
// `high`; at `min` a process that needs a frame takes pages out itself. All 0: there is no
// background reclaim, as in a limited cgroup.
struct Watermarks {
  Pages min{0};
  Pages low{0};
  Pages high{0};
};
// As Linux has them for so much memory: min is 4 sqrt(KiB) KiB, low and high a quarter and a half
// more (mm/page_alloc.c, init_per_zone_pages_min and setup_per_zone_pages_min of 2.6; reckoned over
// all memory, without its bounds).
[[nodiscard]] Watermarks linux_watermarks(Pages frames);

// Who takes pages out where a process needs a frame and no more than `min` are free.
enum class Reclaimer : std::uint8_t {
  who_misses,  // the process itself, as in Linux
  daemon,      // the kernel's process alone, for which it waits, as in FreeBSD, Solaris and Windows
};

// A page that has left, and whose frame is not used again yet. `kept`: it comes back unread
// (standby_list.h) at once. `kept_above_min`: as well, but where no more than `min` are free who
// misses it waits as if it had to be read, so that others get a frame, too.
enum class Freed : std::uint8_t {
  gone,  // only in its slot
  kept,
  kept_above_min,
};

// Which pages come along with one that is missing. `by_hits`: as many as read_ahead_window.h has
// it; and none from compressed memory alone, which is read at once (SWP_SYNCHRONOUS_IO,
// since 4.15).
enum class ReadAhead : std::uint8_t {
  adjacent,  // those beside it in its process that lie beside it on the device too, in one request
  none,
  pages,          // those beside it in its process
  pages_by_hits,  // Linux since 4.14 where no swap device rotates (swap_vma_readahead)
  slots,          // those beside it on the device (Linux's swapin_readahead)
  slots_by_hits,  // Linux since 3.14 where one does, or says so
};

// Processor time, all of it the system's. Assumed: of a processor of 2009 whose caches hold what is
// looked at; systems of that time have others in the catalogue.
struct MemoryCosts {
  ModelTime minor_fault = std::chrono::nanoseconds(1500);
  ModelTime major_fault = std::chrono::nanoseconds(5000);
  ModelTime scan = std::chrono::nanoseconds(150);        // of a page looked at for reclaim
  ModelTime swap_page = std::chrono::nanoseconds(3000);  // on its way in or out
  // Of a request to the device, from its submission to the end of its interrupt. 0: it is in that
  // of its pages. One that the processor serves itself (compressed memory) has none.
  ModelTime request{0};
};

struct MemoryShape {
  Pages frames{0};  // that processes can have
  Watermarks watermarks;
  PoolPolicy replacement;
  // Each process among its own pages, with a policy of its own; else all among all.
  bool local = false;
  // Where that is so: as Windows has it, and not by quotas. Reclaim trims; with freed pages kept,
  // what is read along with a page stands by.
  std::optional<WorkingSetShape> working_sets{};
  DeviceShape swap;
  NextCluster next_cluster = NextCluster::free;
  Reclaimer reclaimer = Reclaimer::who_misses;  // daemon: min is below low
  // In passes of which system; of pages of all processes, by a policy that knows passes. Linux has
  // a swap cache then: a written page keeps its frame until reclaim comes by once more, and its
  // slot until it is written to while half of all slots are taken (vm_swap_full() of mm/swap.h).
  Passes passes = Passes::none;
  Pages memory{0};   // of Linux's passes: the machine's, the system's own included
  Pages wake_at{0};  // free frames, with which who waits for the daemon tries again; to `low`
  Freed freed = Freed::gone;
  std::uint32_t batch = 32;            // pages a reclaim takes at a time (Linux's SWAP_CLUSTER_MAX)
  std::uint32_t longest_request = 32;  // pages
  // Pages on their way out, beyond which reclaim waits; of working sets the modified page writer's,
  // and others wait on the modified list.
  std::uint32_t most_writes = 1024;
  // The modified page writer begins once so many pages wait for it, or fewer frames than `low` are
  // free (Windows' MmModifiedPageMaximum).
  std::uint32_t modified_most = 0;
  // Requests out, beyond which it waits as well, for clean pages too; 0: no such limit. A quarter
  // of them each quarter of a second (Solaris' maxpgio, os/vm_pageout.c, from memory). What orders
  // for whole processes write counts, and is not held back.
  std::uint32_t writes_per_s = 0;
  ReadAhead read_ahead = ReadAhead::none;
  std::uint32_t read_ahead_pages = 8;  // with the missing one; aligned. Of by_hits the most
  MemoryCosts costs;
};

}  // namespace brim::thrash::model
