// SPDX-License-Identifier: Apache-2.0
#pragma once
// Only the first processes that fit into memory together run at all, by what they ask for; one at
// least. Nobody does this for good: it is the bound that controls are compared with.

#include "thrash/model/thrash_control.h"

#include <utility>
#include <vector>

namespace brim::thrash::model {

class Subset final : public ThrashControl {
 public:
  // `asked`: pages of each process.
  Subset(Pages frames, const std::vector<Pages>& asked) : admitted_(asked.size(), false) {
    Pages together;
    for (std::size_t i = 0; i < asked.size(); ++i) {
      together += asked[i];
      if (i > 0 && together > frames) return;
      admitted_[i] = true;
    }
  }

  void tick(MachineControls& machine, ModelTime /*now*/) override {
    for (ThreadNumber number = 0; number < machine.processes(); ++number) {
      const bool out = number < admitted_.size() && !admitted_[number];
      const ProcessView process = machine.process(number);
      if (out && process.runs && !process.frozen) machine.freeze(number);
    }
  }

 private:
  std::vector<bool> admitted_;
};

}  // namespace brim::thrash::model
