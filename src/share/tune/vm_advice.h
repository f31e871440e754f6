// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which VMs should not be merged, why, and how that is said: those of another trust group, those
// whose huge pages are worth more, those that hardly share. A VM that KSM has not been through, and
// no scan measured, is not judged by its benefit.

#include "share/tune/share_plan.h"

#include <vector>

namespace brim::share::tune {

[[nodiscard]] std::vector<Advice> advise(const ShareSnapshot& snapshot, const ShareHistory& history,
                                         const SharePolicy& policy);

}  // namespace brim::share::tune
