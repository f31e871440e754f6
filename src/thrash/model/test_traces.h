// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of page replacement have in common: traces, and policies by name.

#include "base/rng.h"
#include "thrash/model/replacement_table.h"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model::test {

// Of page numbers as a textbook has them; all reads.
inline PageTrace trace_of(const std::vector<int>& pages) {
  PageTrace trace;
  std::map<int, PageNumber> numbers;
  for (const int page : pages) {
    const auto [at, made] = numbers.try_emplace(page, static_cast<PageNumber>(numbers.size()));
    trace.references.emplace_back(at->second, Access::read);
  }
  trace.pages = numbers.size();
  return trace;
}

// Half of it within a few pages, the rest anywhere; a third are writes.
inline PageTrace random_trace(std::size_t references, std::size_t pages, Rng rng) {
  PageTrace trace;
  trace.pages = pages;
  for (std::size_t i = 0; i < references; ++i) {
    const bool near = rng.chance(0.5);
    const auto page = static_cast<PageNumber>(rng.below(near ? 1 + pages / 8 : pages));
    trace.references.emplace_back(page, rng.below(3) == 0 ? Access::write : Access::read);
  }
  return trace;
}

// 0 to pages - 1, over and over.
inline PageTrace loop_trace(std::size_t references, std::size_t pages) {
  PageTrace trace;
  trace.pages = pages;
  for (std::size_t i = 0; i < references; ++i)
    trace.references.emplace_back(static_cast<PageNumber>(i % pages), Access::read);
  return trace;
}

// `scanned` of all references are each of another page, never to come again; the others go anywhere
// within the first `hot` pages.
inline PageTrace hot_and_scan_trace(std::size_t references, std::size_t hot, double scanned,
                                    Rng rng) {
  PageTrace trace;
  trace.pages = hot;
  for (std::size_t i = 0; i < references; ++i) {
    const bool next = rng.chance(scanned);
    trace.references.emplace_back(static_cast<PageNumber>(next ? trace.pages++ : rng.below(hot)),
                                  Access::read);
  }
  return trace;
}

// "clock(reference_on_load=true)"
inline ReplayCounts counts_of(std::string_view policy, const PageTrace& trace, std::size_t frames,
                              std::uint64_t seed = 1) {
  const auto chosen = choose_policies(policy);
  EXPECT_TRUE(chosen && chosen->size() == 1) << policy;
  return chosen->front().policy->replay({.trace = trace, .frames = frames, .rng = Rng(seed)},
                                        chosen->front().settings);
}

inline std::uint64_t faults_of(std::string_view policy, const PageTrace& trace,
                               std::size_t frames) {
  return counts_of(policy, trace, frames).faults;
}

// Of what could have been hits in a trace of hot_and_scan_trace().
inline std::uint64_t hot_faults_of(std::string_view policy, const PageTrace& trace,
                                   std::size_t frames) {
  const ReplayCounts counts = counts_of(policy, trace, frames);
  return counts.faults - counts.cold_faults;
}

}  // namespace brim::thrash::model::test
