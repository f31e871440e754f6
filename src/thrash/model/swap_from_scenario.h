// SPDX-License-Identifier: Apache-2.0
#pragma once
// The swap device of a scenario of the area "thrash", at its scale.
//
// What is swapped at the start (mechanism.swapped_at_start) is another's, takes slots and stays.
// LIMIT: of compressed memory it takes none of the pool.

#include "base/result.h"
#include "study/scenario.h"
#include "thrash/model/swap_device.h"

namespace brim::thrash::model {

// Errors name the key.
[[nodiscard]] Result<DeviceShape> swap_from_scenario(const study::Scenario& scenario, double scale);

}  // namespace brim::thrash::model
