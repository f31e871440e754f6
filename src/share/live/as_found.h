// SPDX-License-Identifier: Apache-2.0
#pragma once
// The part of a plan that a live study takes as it finds it: machines that run already, and KSM as
// it is set here. Pure.

#include "base/result.h"
#include "share/live/live_plan.h"
#include "study/scenario.h"

#include <cstddef>
#include <string>

namespace brim::share::live {

// One plan for all machines of the name: which they are only a host can tell (running_guest.h).
// `number`: the group's, for errors.
[[nodiscard]] Result<LiveGuestPlan> plan_running(const study::Scenario& scenario,
                                                 std::size_t number);

// KSM's settings in the scenario would not be those of the run: `bad_input` where it has any.
[[nodiscard]] Result<void> plan_ksm_as_is(const study::Scenario& scenario, KsmPlan& ksm);

// `bad_input` where what is there already would have to be smaller or faster.
[[nodiscard]] Result<void> check_as_found(const study::Scenario& scenario, const LivePlan& plan);

// For the run's notes.
[[nodiscard]] std::string note_of_running(const LiveGuestPlan& guest);

}  // namespace brim::share::live
