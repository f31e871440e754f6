// SPDX-License-Identifier: Apache-2.0
#pragma once
// Who is killed when nothing can leave memory and nothing is on its way: the choices of
// mechanism.out_of_memory.

#include "thrash/model/machine_plan.h"

#include <span>
#include <string_view>

namespace brim::thrash::model {

struct VictimPolicy {
  std::string_view name;
  std::string_view summary;
  ThreadNumber (*choose)(std::span<const ProcessMemory> processes);
};

// Sorted by name.
[[nodiscard]] std::span<const VictimPolicy> victim_policies();
// Null: there is none of that name.
[[nodiscard]] const VictimPolicy* find_victim_policy(std::string_view name);

// What Linux 2.6 chose (badness() of mm/oom_kill.c, 2.6.22, from memory): most points are killed.
// Points are the pages of the address space, touched or not; less by the square root of processor
// time in units of 8 s, and by the fourth root of the time since the start in units of 1,024 s,
// each rounded down and none below 1.
//
// There twice as many points for a positive nice value, a quarter for root and for direct access to
// hardware, half of each child's memory, and what an administrator sets (oom_adj). The machine has
// no priorities, users, families or devices: these are left out.
//
// LIMIT: processor time is that of user work alone.
[[nodiscard]] double badness(const ProcessMemory& process);

}  // namespace brim::thrash::model
