// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/opt_curve.h"

#include "thrash/model/lru_curve.h"
#include "thrash/model/test_traces.h"
#include "thrash/model/zipf_trace.h"

#include <set>

namespace brim::thrash::model {
namespace {

using test::loop_trace;
using test::random_trace;
using test::trace_of;

// Where each reference's page is used again; never: the trace's length.
std::vector<std::size_t> found_next_uses(const PageTrace& trace) {
  std::vector<std::size_t> next(trace.references.size(), trace.references.size());
  for (std::size_t i = 0; i < next.size(); ++i) {
    for (std::size_t j = i + 1; j < next.size() && next[i] == next.size(); ++j) {
      if (trace.references[j].page() == trace.references[i].page()) next[i] = j;
    }
  }
  return next;
}

// By its definition: of what is resident, what is used farthest in the future leaves.
std::uint64_t faults_by_definition(const PageTrace& trace, const std::vector<std::size_t>& next,
                                   std::size_t frames) {
  std::set<std::pair<std::size_t, PageNumber>> resident;  // by next use
  std::uint64_t faults = 0;
  for (std::size_t i = 0; i < next.size(); ++i) {
    const PageNumber page = trace.references[i].page();
    if (resident.erase({i, page}) == 0) {
      ++faults;
      if (resident.size() == frames) resident.erase(std::prev(resident.end()));
    }
    resident.insert({next[i], page});
  }
  return faults;
}

void expect_faults_of_each_size(const PageTrace& trace) {
  const std::vector<std::size_t> next = found_next_uses(trace);
  const std::vector<std::uint64_t> faults = opt_faults(trace);
  ASSERT_EQ(faults.size(), trace.pages);
  for (std::size_t frames = 1; frames <= trace.pages; ++frames)
    ASSERT_EQ(faults[frames - 1], faults_by_definition(trace, next, frames)) << frames;
}

// Silberschatz, Galvin and Gagne, "Operating System Concepts": 9 faults with three frames.
TEST(OptCurve, Has_the_textbooks_9_faults_with_three_frames) {
  const PageTrace trace = trace_of({7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1});
  EXPECT_EQ(opt_faults(trace)[2], 9U);
}

// 1 2 3 1 2 3: with two frames 1 and 2 fault; 3 takes 2's place, as 1 comes sooner; 1 is there; 2
// takes 1's place, which is never used again; 3 is there.
TEST(OptCurve, Of_a_loop_can_be_followed_by_hand) {
  EXPECT_EQ(opt_faults(trace_of({1, 2, 3, 1, 2, 3})), (std::vector<std::uint64_t>{6, 4, 3}));
}

// Of a loop over N pages, once it runs, n - 1 of every N - 1 references hit in n frames.
TEST(OptCurve, Of_a_long_loop_falls_in_a_straight_line) {
  constexpr std::size_t kPages = 101;
  constexpr std::size_t kReferences = 100'000;
  const std::vector<std::uint64_t> faults = opt_faults(loop_trace(kReferences, kPages));
  for (std::size_t frames = 1; frames <= kPages; ++frames) {
    const double hits = kReferences - static_cast<double>(faults[frames - 1]);
    EXPECT_NEAR(hits / kReferences, static_cast<double>(frames - 1) / (kPages - 1), 0.002);
  }
}

TEST(OptCurve, Is_what_looking_ahead_gives_with_each_number_of_frames) {
  for (std::uint64_t seed = 1; seed <= 400; ++seed) {
    Rng rng(seed);
    const std::size_t references = 1 + rng.below(300);
    const std::size_t pages = 1 + rng.below(1 + seed % 60);
    expect_faults_of_each_size(random_trace(references, pages, rng));
    expect_faults_of_each_size(zipf_trace(references, pages, rng.uniform() * 1.5, rng));
    if (HasFatalFailure()) return;
  }
}

// Loops of changing lengths, with jumps between them: many pages at the same distance.
TEST(OptCurve, Is_what_looking_ahead_gives_in_loops_of_all_lengths) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Rng rng(seed);
    PageTrace trace;
    trace.pages = 40;
    while (trace.references.size() < 500) {
      const std::uint64_t first = rng.below(40);
      const std::uint64_t length = 1 + rng.below(40);
      const std::uint64_t steps = rng.below(90);
      for (std::uint64_t step = 0; step < steps; ++step)
        trace.references.emplace_back(static_cast<PageNumber>((first + step % length) % 40),
                                      Access::read);
    }
    expect_faults_of_each_size(trace);
    if (HasFatalFailure()) return;
  }
}

TEST(OptCurve, Is_what_looking_ahead_gives_of_longer_traces) {
  expect_faults_of_each_size(zipf_trace(10'000, 500, 1.0, Rng(1)));
  expect_faults_of_each_size(random_trace(8000, 300, Rng(2)));
}

TEST(OptCurve, Never_rises_and_is_never_above_lrus) {
  const PageTrace trace = zipf_trace(300'000, 20'000, 0.9, Rng(3));
  const std::vector<std::uint64_t> opt = opt_faults(trace);
  const std::vector<std::uint64_t> lru = lru_faults(trace);
  for (std::size_t i = 0; i < trace.pages; ++i) {
    ASSERT_LE(opt[i], lru[i]);
    ASSERT_LE(opt[i], opt[i == 0 ? 0 : i - 1]);
  }
  EXPECT_EQ(opt.front(), lru.front());
  EXPECT_EQ(opt.back(), trace.pages);
  EXPECT_LT(opt[2000], lru[2000] * 3 / 4);
}

TEST(OptCurve, Of_nothing_is_nothing) {
  EXPECT_TRUE(opt_faults(PageTrace{}).empty());
  Cancel cancel;
  cancel.request();
  EXPECT_EQ(opt_faults(loop_trace(100, 2), cancel), (std::vector<std::uint64_t>{0, 0}));
}

}  // namespace
}  // namespace brim::thrash::model
