// SPDX-License-Identifier: Apache-2.0
#include "share/model/page_trimming.h"

namespace brim::share::model {

void PageTrimming::run(ModelTime until) {
  for (std::uint64_t turns = cycle_.turns(until); turns > 0; --turns) {
    const auto page = cycle_.next(memory_);
    if (!page) return;
    ++work_.visits;
    if (memory_.frame(*page) != kOwnFrame) continue;
    if (memory_.content(*page) != kZeroContent) {
      ++work_.comparisons;
      continue;
    }
    ++work_.confirmations;
    ++work_.merges;
    memory_.join_zero_frame(*page);
  }
}

}  // namespace brim::share::model
