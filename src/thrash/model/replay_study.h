// SPDX-License-Identifier: Apache-2.0
#pragma once
// One trace under many policies, each with several numbers of frames: replayed on as many threads
// as there are processors for it.

#include "base/progress.h"
#include "thrash/model/replacement_table.h"

#include <cstddef>
#include <string_view>
#include <vector>

namespace brim::thrash::model {

// "1000", or "1%" of the trace's distinct pages, rounded down and at least 1.
struct FrameCount {
  std::uint64_t frames = 0;  // 0: a percentage
  std::uint64_t millionths_of_percent = 0;

  [[nodiscard]] std::size_t of(std::size_t pages) const;
};
// "1000,1%". bad_input: what is not a number of at least 1, or a percentage above 0 and up to
// 100 with at most six decimals.
[[nodiscard]] Result<std::vector<FrameCount>> parse_frames(std::string_view list);

struct ReplayResult {
  std::size_t policy;  // of those asked for
  std::size_t frames;
  ReplayCounts counts;
};

struct ReplayQuestion {
  const PageTrace& trace;
  const std::vector<ChosenPolicy>& policies;
  const std::vector<FrameCount>& frames;
  std::uint64_t seed = 1;
  unsigned threads = 1;
};

// By policy, then by frames as asked for. `progress` advances by one for each. Interrupted: an
// error, as half a replay says nothing.
[[nodiscard]] Result<std::vector<ReplayResult>> replay_all(const ReplayQuestion& question,
                                                           Progress& progress,
                                                           const Cancel& cancel);

}  // namespace brim::thrash::model
