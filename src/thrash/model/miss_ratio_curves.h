// SPDX-License-Identifier: Apache-2.0
#pragma once
// Miss ratios by frames, of several policies on one trace: exact for LRU and OPT (lru_curve.h,
// opt_curve.h), estimated from samples of the pages for all others (sampled_curve.h).

#include "thrash/model/replay_document.h"

namespace brim::thrash::model {

struct CurvesQuestion {
  const PageTrace& trace;
  const std::vector<ChosenPolicy>& policies;
  const std::vector<FrameCount>& frames;  // shown in any case
  double sample = 0.01;                   // the share of pages in a sample
  std::uint64_t seed = 1;
  unsigned threads = 1;
};

// Exact curves at about 400 numbers of frames, ever further apart, and at those asked for; sampled
// ones at about 40. `progress` advances by one for each policy.
[[nodiscard]] Result<std::vector<Curve>> miss_ratio_curves(const CurvesQuestion& question,
                                                           Progress& progress,
                                                           const Cancel& cancel);

}  // namespace brim::thrash::model
