// SPDX-License-Identifier: Apache-2.0
#pragma once
// Estimated miss ratios of any policy that needs no look ahead, from a part of the pages: those
// whose keyed hash falls below a threshold, a share R of them (the rate), are kept with all their
// references and replayed with R times the frames. Spatially hashed sampling is of C. A.
// Waldspurger, N. Park, A. Garthwaite and I. Ahmad, "Efficient MRC construction with SHARDS", FAST
// 2015; for policies other than LRU, C. Waldspurger, T. Saemundsson, I. Ahmad and N. Park, "Cache
// modeling and optimization using miniature simulations", USENIX ATC 2017.
//
// - The faults are divided by R times the references of the whole trace, not by the references that
//   were sampled: SHARDS_adj, which takes what is sampled too many or too few for references to a
//   few hot pages, that hit.
// - The policy's clock (PageTable::now) counts the references of the whole trace, so that times in
//   its parameters keep their meaning. LIMIT: parameters that count pages don't; nor does what it
//   does once a so-many-th fault.
// - With few frames R rises until at least `least_frames` are replayed, and it is rounded up to
//   where R times the frames is a whole number. Where it would cost as much as the whole trace
//   (R times the samples >= 1), the whole trace is replayed: the figure is exact.
//
// The estimate is the mean of independent samples (each with a key of its own), the interval
// Student's t of their mean, cut to 0 ... 1. It tells how far sampling may have led astray, given
// the trace, and nothing of how right the trace or the policy's model is. What all samples have in
// common it does not show: fewer frames make a policy's choice coarser. LIMIT: a page that has a
// good part of all faults to itself is in hardly any sample or counts too much: the mean is right,
// the interval too narrow.

#include "base/cancel.h"
#include "base/result.h"
#include "base/rng.h"
#include "thrash/model/page_trace.h"
#include "thrash/model/replacement_table.h"

#include <cstddef>
#include <span>
#include <vector>

namespace brim::thrash::model {

struct SamplingKnobs {
  double rate = 0.01;              // of the pages; more than 0, at most 1
  std::size_t least_frames = 100;  // in a sample
  std::size_t samples = 8;         // at least 2
  double confidence = 0.95;        // more than 0, less than 1
};

struct SampledMissRatio {
  std::size_t frames = 0;
  double miss_ratio = 0;  // cold faults included
  double low = 0;
  double high = 0;
  double rate = 1;          // used; 1: exact, and low and high are the miss ratio
  std::size_t samples = 1;  // used
};

// For each of `frames` (at least 1 each), in their order; the same for the same rng. bad_input: a
// policy that must know the future, knobs out of their range, a trace of no references;
// interrupted: cancelled.
[[nodiscard]] Result<std::vector<SampledMissRatio>> sampled_miss_ratios(
    const PageTrace& trace, const ChosenPolicy& policy, std::span<const std::size_t> frames,
    const SamplingKnobs& knobs, const Rng& rng, const Cancel& cancel = kNeverCancelled);

}  // namespace brim::thrash::model
