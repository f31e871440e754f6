// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own tuner of page sharing in a live study: the same look and plan() as `brim guard`, with
// the default policy. It only says what is to move; the study moves it, and puts it back.
//
// LIMIT: KSM's counters are the host's: memory of others that is registered with KSM is in them.

#include "share/live/live_tuner.h"

#include <memory>

namespace brim::cli {

// `missing` where the kernel has no KSM.
[[nodiscard]] Result<std::unique_ptr<share::live::LiveTuner>> make_live_tuner(
    const host::Host& host, double speed);

}  // namespace brim::cli
