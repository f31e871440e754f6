// SPDX-License-Identifier: Apache-2.0
#pragma once
// Ticks of a policy's timer: at the end of each interval, before the next reference. With an
// interval of 10 references the first is between the tenth and the eleventh.

#include "base/result.h"

#include <cstdint>

namespace brim::thrash::model {

class Ticks {
 public:
  // In the units of PageTable::now().
  explicit Ticks(std::uint64_t interval) : interval_(interval), end_(interval) {
    BRIM_ASSERT(interval > 0);
  }

  // How many there have been since it was last asked.
  std::uint64_t passed(std::uint64_t now) {
    if (now <= end_) [[likely]]
      return 0;
    const std::uint64_t ticks = (now - end_ - 1) / interval_ + 1;
    end_ += ticks * interval_;
    return ticks;
  }

 private:
  std::uint64_t interval_;
  std::uint64_t end_;  // of the interval that is running
};

}  // namespace brim::thrash::model
