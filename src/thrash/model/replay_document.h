// SPDX-License-Identifier: Apache-2.0
#pragma once
// What replays of a trace came to, for machines (docs/json.md, thrash-replay.schema.json) and for
// people.

#include "report/document.h"
#include "thrash/model/replay_study.h"

#include <cstdint>
#include <string>
#include <vector>

namespace brim::thrash::model {

// Of one policy: faults by frames. Of exact curves low and high are empty.
struct Curve {
  std::string policy;
  std::string method;
  std::vector<std::size_t> frames;
  std::vector<double> miss_ratio;
  std::vector<Interval> interval;  // 95 %, of the sampling
};

struct ReplayFindings {
  std::string file;
  std::string format;
  const PageTrace& trace;
  std::uint64_t seed = 1;
  const std::vector<ChosenPolicy>& policies;
  std::vector<ReplayResult> results;
  std::vector<Curve> curves;
};

[[nodiscard]] report::Document replay_document(const ReplayFindings& findings);

}  // namespace brim::thrash::model
