// SPDX-License-Identifier: Apache-2.0
#pragma once
// One pass of a kernel's scan over the lists of a replacement policy. Policies that have lists and
// know passes (linux_two_list.h, lau.h) take what is left of it from here, and give the pages that
// may leave one by one. How many are looked at, and when the next pass begins, is the kernel's:
// priority_passes.h, daemon_passes.h.
//
// Counts are pages. A pass that stopped for want of room among writes goes on where it was.

#include <cstddef>
#include <cstdint>

namespace brim::thrash::model {

// Of which system passes are. `none`: reclaim takes pages from the policy until it has its batch.
enum class Passes : std::uint8_t { none, linux_priorities, freebsd_daemon };

struct ListSizes {
  std::size_t active = 0;
  std::size_t inactive = 0;
};

struct ScanPass {
  bool over = true;
  std::size_t active = 0;    // still to be looked at
  std::size_t inactive = 0;  // likewise
  // Linux: pages of processes stay on the active list, whether or not they were referenced.
  bool spares_mapped = false;
  std::size_t inactive_batch = 0;  // of `inactive`, before the active list has its turn again
  // FreeBSD: pages wanted of the inactive queue, laundered ones included; pages that shall be free.
  std::size_t shortage = 0;
  std::size_t target = 0;
  std::size_t launder = 0;       // that may still be laundered
  bool second_trip = false;      // modified pages go round once before they are laundered
  bool looks_at_active = false;  // the inactive queue is done with
  std::size_t room = 0;          // writes that can begin now
};

}  // namespace brim::thrash::model
