// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processes that take turns: which go together, and the change from one turn to the next.

#include "thrash/model/control_common.h"

#include <cstddef>
#include <span>
#include <vector>

namespace brim::thrash::model {

struct SizedProcess {
  ThreadNumber process;
  std::size_t pages;

  bool operator==(const SizedProcess&) const = default;
};

// Groups whose sizes add up to at most `capacity`: first-fit decreasing, which needs at most 11/9
// of the fewest groups and 6/9 of one more (Dósa, "The tight bound of first fit decreasing
// bin-packing algorithm", 2007). One that fits nowhere has a group of its own. Members are in
// order.
[[nodiscard]] std::vector<std::vector<ThreadNumber>> pack(std::vector<SizedProcess> processes,
                                                          std::size_t capacity);

// What moves as turns change: pages by their processes' faults alone, or those that leave all at
// once, and then those that come.
enum class Moving : std::uint8_t { by_faults, in_bulk };

// From now on these run, of all that have started, and no others.
void let_run(MachineControls& machine, std::span<const ThreadNumber> these, Moving moving);

// Frames that processes have or could have without reclaim, `frames` at most: what a device keeps
// in memory (zram) is not among them.
[[nodiscard]] std::size_t room_of(const MachineControls& machine, Pages frames);

}  // namespace brim::thrash::model
