// SPDX-License-Identifier: Apache-2.0
#pragma once
// The median of numbers that come one by one. Takes time in proportion to how many there are.

#include <algorithm>
#include <cstddef>
#include <vector>

namespace brim::thrash {

class RunningMedian {
 public:
  void add(double value) {
    sorted_.insert(std::upper_bound(sorted_.begin(), sorted_.end(), value), value);
  }
  // Of at least one.
  [[nodiscard]] double value() const {
    const std::size_t half = sorted_.size() / 2;
    return sorted_.size() % 2 == 1 ? sorted_[half] : (sorted_[half - 1] + sorted_[half]) / 2;
  }

 private:
  std::vector<double> sorted_;
};

}  // namespace brim::thrash
