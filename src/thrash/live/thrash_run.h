// SPDX-License-Identifier: Apache-2.0
#pragma once
// One run of the thrashing benchmark on this machine. Internal to this room.

#include "base/cancel.h"
#include "base/result.h"
#include "base/rng.h"
#include "host/host.h"
#include "study/backend.h"
#include "thrash/live/ground.h"
#include "thrash/live/live_control.h"
#include "thrash/live/thrash_plan.h"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace brim::thrash::live {

struct RunRequest {
  const host::Host& host;
  const ThrashPlan& plan;
  const ThrashPlaces& places;
  std::unique_ptr<LiveControl> control;  // null: nobody controls
  std::uint64_t seed = 0;
};

// What its reader should know is added to `notes`, a sentence each.
[[nodiscard]] Result<void> run_thrash(RunRequest request, const study::SampleSink& sink,
                                      const std::function<void(double)>& progress,
                                      const Cancel& cancel, std::vector<std::string>& notes);

}  // namespace brim::thrash::live
