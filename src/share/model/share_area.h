// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scenario of the area "share" may say, and what of the model it stands for.

#include "base/result.h"
#include "share/model/host_simulation.h"
#include "study/area.h"
#include "study/scenario.h"

#include <memory>
#include <optional>
#include <vector>

namespace brim::share::model {

[[nodiscard]] const study::Area& share_area();

// All that a simulation of a scenario is made from.
struct SimulationPlan {
  HostShape host;
  std::vector<GuestPlan> guests;
  MakeMechanism mechanism;
  std::optional<KsmtunedKnobs> ksmtuned;
  bool tuned_by_brim = false;
  SimulationTimes times;
};
// Errors: memory that does not fit (a load larger than what its guest leaves free, classes larger
// than the guest). With study.scale below 1 all sizes of memory are that much smaller, and so are
// rates of scanning and filling: curves over time keep their shape.
[[nodiscard]] Result<SimulationPlan> plan_simulation(const study::Scenario& scenario);

// `bad_input` for a guest of kind "running" whose memory the scenario says nothing of: the model
// can't look into it.
[[nodiscard]] Result<void> check_populations(const study::Scenario& scenario);

}  // namespace brim::share::model
