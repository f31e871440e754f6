// SPDX-License-Identifier: Apache-2.0
#pragma once
// The area "share" on this machine: real guests, their loads, and KSM, sampled over time.
//
// Guests boot while KSM stands still; then it runs as the scenario says, for the time of the
// warm-up; t = 0 is just before the loads start. At the end the guests are paused and their memory
// is read. Whatever ends a run, guests end with it and KSM's knobs are put back.

#include "share/live/live_guest.h"
#include "share/live/live_tuner.h"
#include "study/backend.h"

#include <memory>

namespace brim::share::live {

// `host` must outlive it. `make_tuner`: brim's own, for scenarios that ask for it.
[[nodiscard]] std::unique_ptr<study::Backend> make_live_backend(const host::Host& host,
                                                                LivePlaces places,
                                                                MakeLiveTuner make_tuner);

}  // namespace brim::share::live
