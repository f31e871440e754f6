// SPDX-License-Identifier: Apache-2.0
#pragma once
// Traces in which each reference is drawn anew, the page of rank r with a probability that is as
// r^-exponent: for tests and benchmarks. Exponent 0 is uniform. Drawn by bisection in the table of
// the summed probabilities: O(log ranks) a reference. A third of the references are writes.

#include "base/rng.h"
#include "thrash/model/page_trace.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace brim::thrash::model {

class ZipfRanks {
 public:
  ZipfRanks(std::size_t ranks, double exponent) {
    sums_.reserve(ranks);
    double sum = 0;
    for (std::size_t rank = 1; rank <= ranks; ++rank)
      sums_.push_back(sum += std::pow(static_cast<double>(rank), -exponent));
  }

  // From 0, the most frequent.
  std::size_t draw(Rng& rng) const {
    const auto at = std::ranges::upper_bound(sums_, rng.uniform() * sums_.back());
    return std::min(static_cast<std::size_t>(at - sums_.begin()), sums_.size() - 1);
  }

 private:
  std::vector<double> sums_;
};

// Of at most `ranks` pages: those that are never drawn are none of the trace's.
inline PageTrace zipf_trace(std::size_t references, std::size_t ranks, double exponent, Rng rng) {
  const ZipfRanks drawn(ranks, exponent);
  std::vector<PageNumber> numbers(ranks, kNoPage);
  PageTrace trace;
  trace.references.reserve(references);
  for (std::size_t i = 0; i < references; ++i) {
    PageNumber& number = numbers[drawn.draw(rng)];
    if (number == kNoPage) number = static_cast<PageNumber>(trace.pages++);
    trace.references.emplace_back(number, rng.below(3) == 0 ? Access::write : Access::read);
  }
  return trace;
}

}  // namespace brim::thrash::model
