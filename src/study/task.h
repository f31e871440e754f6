// SPDX-License-Identifier: Apache-2.0
#pragma once
// One point of a study, once: what threads and ranks are given to do.

#include <compare>
#include <cstdint>

namespace brim::study {

struct TaskId {
  std::uint32_t repeat = 0;
  std::uint32_t point = 0;
  auto operator<=>(const TaskId&) const = default;
};

}  // namespace brim::study
