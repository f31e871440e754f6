// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a backend notes of a study's points: once each, and where some points differ, of which.

#include "study/backend.h"
#include "study/scenario.h"

#include <string>
#include <vector>

namespace brim::study {

// Those of all points as they are; of some, with the values of the sweep that only these have:
// "hardware.memory=150MiB or 333MiB: ...". In the order of the points.
[[nodiscard]] std::vector<std::string> point_notes(const ScenarioFile& scenario,
                                                   const Backend& backend);

}  // namespace brim::study
