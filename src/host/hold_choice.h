// SPDX-License-Identifier: Apache-2.0
#pragma once
// By which means a set of processes is to be held still (hold.h). Internal to the host room.

#include "host/held_tasks.h"
#include "host/hold.h"
#include "host/host.h"

#include <vector>

namespace brim::host {

// Whole cgroups where all of one, and of those below it, is wanted; the rest one by one. Those that
// have exited are left out.
[[nodiscard]] std::vector<Hold> choose_holds(const Host& host,
                                             const std::vector<HeldTasks::Wanted>& wanted);

}  // namespace brim::host
