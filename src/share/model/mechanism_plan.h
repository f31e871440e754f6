// SPDX-License-Identifier: Apache-2.0
#pragma once
// From the mechanism a scenario names to how it is made.

#include "share/model/scale.h"
#include "share/model/share_area.h"

namespace brim::share::model {

// Fills plan.mechanism and plan.ksmtuned; the plan's host, guests and their contents are there.
void plan_mechanism(const study::Scenario& scenario, const Scale& scale, SimulationPlan& plan);
// Whether the mechanism asks more of contents than which are equal.
[[nodiscard]] bool asks_for_contents(const study::Scenario& scenario);

}  // namespace brim::share::model
