// SPDX-License-Identifier: Apache-2.0
#pragma once
// A scanner's way through the pages it was given: in order, round after round, at so many pages a
// second. Pages without a frame are stepped over and take no time.

#include "share/model/mechanism.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace brim::share::model {

class PageCycle {
 public:
  explicit PageCycle(double pages_per_s) : pages_per_s_(pages_per_s) {}

  void add(SimulatedMemory::Range pages);

  // How many pages are to be visited until then, beyond those of the calls before.
  [[nodiscard]] std::uint64_t turns(ModelTime until);
  // Nothing where no page is present.
  [[nodiscard]] std::optional<Page> next(const SimulatedMemory& memory);
  // Whether the page that next() gave is the first of a round.
  [[nodiscard]] bool round_began() const { return round_began_; }

 private:
  double pages_per_s_;
  std::uint64_t turns_ = 0;  // so far
  std::vector<SimulatedMemory::Range> ranges_;
  std::size_t range_ = 0;
  Page page_ = 0;  // the next, in that range
  std::uint64_t pages_ = 0;
  bool at_start_ = true;
  bool round_began_ = false;
};

}  // namespace brim::share::model
