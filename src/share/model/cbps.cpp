// SPDX-License-Identifier: Apache-2.0
#include "share/model/cbps.h"

namespace brim::share::model {

void Cbps::run(ModelTime until) {
  for (std::uint64_t turns = cycle_.turns(until); turns > 0; --turns) {
    const auto page = cycle_.next(memory_);
    if (!page) return;
    if (cycle_.round_began()) equal_.forget_candidates();
    ++work_.visits;
    if (memory_.frame(*page) == kOwnFrame) equal_.join(*page, work_);
  }
}

}  // namespace brim::share::model
