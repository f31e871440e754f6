// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own thrash guard as a simulated machine has it: the same plan() that `brim guard` applies,
// with the default policy. Pages go out and come in by the machine's orders for whole processes, as
// they do live by process_madvise().
//
// Waiting for memory is looked at once a tick: as for PSI it counts while a process waits for a
// page or a frame, and so does the system's own work, all of which is for faults and reclaim (where
// compressed memory is the swap device nobody waits otherwise).

#include "thrash/model/thrash_controls.h"

#include <memory>

namespace brim::cli {

[[nodiscard]] std::unique_ptr<thrash::model::ThrashControl> make_simulated_guard(
    const thrash::model::ControlledMachine& machine);

}  // namespace brim::cli
