// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scenario of the area "share" may say, and what of the model it stands for.

#include "base/result.h"
#include "share/model/host_simulation.h"
#include "share/model/memory_image.h"
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
  // What the guests' pages are like; null: as the mechanism's entry states.
  std::shared_ptr<const ContentCatalogue> contents;
  MakeMechanism mechanism;
  std::optional<KsmtunedKnobs> ksmtuned;
  bool tuned_by_brim = false;
  SimulationTimes times;
};
// Errors: memory that does not fit (a load larger than what its guest leaves free, classes larger
// than the guest); a guest of kind "running" whose memory the scenario says nothing of. With
// study.scale below 1 all sizes of memory are that much smaller, and so are rates of scanning and
// filling: curves over time keep their shape. Images, where there are any, stand for the
// scenario's guests.
[[nodiscard]] Result<SimulationPlan> plan_simulation(const study::Scenario& scenario,
                                                     const MemoryImages& images = {});

}  // namespace brim::share::model
