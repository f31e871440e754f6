// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what a scenario of the area "thrash" says to what is simulated.
//
// At study.scale the memory of the machine, of its swap area and of consumers, and the accesses of
// a burst are that much smaller. Times, devices and processors stay as they are; a disk keeps its
// seeks by being that much smaller too.
//
// LIMIT: what the system takes for itself (own_memory) stays resident and does nothing; its cache
// is taken as dropped before all begins. schedule.warm_up is left out: nothing would happen in it.

#include "base/result.h"
#include "study/scenario.h"
#include "thrash/model/machine_plan.h"
#include "thrash/model/thrash_area.h"
#include "thrash/model/thrash_controls.h"

#include <cstdint>
#include <vector>

namespace brim::thrash::model {

// What a system's own counters of page-ins and page-outs count.
enum class SystemCounter : std::uint8_t {
  block_kib,        // KiB of all block I/O: pgpgin and pgpgout of Linux's /proc/vmstat
  page_requests,    // pages that requests brought or took: Pages Input and Output of Windows
  swap_pages,       // v_swappgsin and v_swappgsout of FreeBSD
  whole_processes,  // pages of processes swapped as a whole: pgswapin and pgswapout of Solaris
};

struct SimulatedRun {
  MachinePlan machine;
  std::vector<Consumer> consumers;  // as the machine's processes
  ChosenControl control{};
  ControlledMachine controlled{};
  bool control_in_user_space = false;  // of a group, as live
  SystemCounter counter = SystemCounter::swap_pages;
  ModelTime duration{0};
};

// Errors name the key. The scenario's area must outlive it.
[[nodiscard]] Result<SimulatedRun> machine_from_scenario(const study::Scenario& scenario);

}  // namespace brim::thrash::model
