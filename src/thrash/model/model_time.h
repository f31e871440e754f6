// SPDX-License-Identifier: Apache-2.0
#pragma once
// The clock of a simulated machine: nanoseconds since it was switched on.

#include <chrono>

namespace brim::thrash::model {

using ModelTime = std::chrono::nanoseconds;
inline constexpr ModelTime kNever = ModelTime::max();

}  // namespace brim::thrash::model
