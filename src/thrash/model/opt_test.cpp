// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/opt.h"

#include "thrash/model/test_traces.h"

#include <ranges>

namespace brim::thrash::model {
namespace {

using test::faults_of;
using test::loop_trace;
using test::random_trace;
using test::trace_of;

// From the definition: looks through the rest of the trace at each fault.
ReplayCounts optimal_by_search(const PageTrace& trace, std::size_t frames) {
  const auto& references = trace.references;
  struct Resident {
    PageNumber page;
    bool modified;
  };
  std::vector<Resident> resident;  // by last reference
  std::vector<bool> seen(trace.pages);
  ReplayCounts counts;
  for (std::size_t now = 0; now < references.size(); ++now, ++counts.references) {
    const PageNumber page = references[now].page();
    Resident self{page, false};
    const auto at = std::ranges::find(resident, page, &Resident::page);
    if (at != resident.end()) {
      self = *at;
      resident.erase(at);
    } else {
      ++counts.faults;
      counts.cold_faults += seen[page] ? 0 : 1;
      if (resident.size() == frames) {
        const auto victim = std::ranges::max_element(resident, {}, [&](const Resident& one) {
          return std::ranges::find(references.begin() + static_cast<std::ptrdiff_t>(now),
                                   references.end(), one.page, &Reference::page);
        });
        counts.writebacks += victim->modified ? 1 : 0;
        resident.erase(victim);
      }
    }
    seen[page] = true;
    self.modified |= references[now].access() == Access::write;
    resident.push_back(self);
  }
  return counts;
}

// Silberschatz, Galvin and Gagne, "Operating System Concepts", chapter on virtual memory.
TEST(Opt, Has_9_faults_in_the_textbooks_example) {
  const std::vector<int> silberschatz = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3,
                                         0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
  EXPECT_EQ(faults_of("opt", trace_of(silberschatz), 3), 9U);
}

// Belady, Nelson and Shedler 1969: fifo has 9 and 10.
TEST(Opt, Has_7_and_6_faults_where_fifo_has_its_anomaly) {
  const PageTrace trace = trace_of({1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5});
  EXPECT_EQ(faults_of("opt", trace, 3), 7U);
  EXPECT_EQ(faults_of("opt", trace, 4), 6U);
}

// Once filled, each round of n + 1 pages through n frames has n hits and a fault, one place later
// each time.
TEST(Opt, Faults_once_in_as_many_references_as_there_are_frames_in_a_loop_one_page_too_long) {
  EXPECT_EQ(faults_of("opt", loop_trace(11 + 1000, 11), 10), 11U + 100U);
}

TEST(Opt, Counts_what_a_search_of_the_future_counts) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const PageTrace trace = random_trace(800, 60, Rng(seed));
    for (const std::size_t frames : {1U, 2U, 7U, 30U, 59U, 60U}) {
      const ReplayCounts counts = replay_opt({.trace = trace, .frames = frames});
      const ReplayCounts expected = optimal_by_search(trace, frames);
      ASSERT_EQ(counts, expected) << frames << " frames: " << counts.faults << " faults, "
                                  << counts.writebacks << " written, not " << expected.faults
                                  << " and " << expected.writebacks;
    }
  }
}

// A stack algorithm (Mattson et al. 1970).
TEST(Opt, Never_has_more_faults_with_more_frames) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const PageTrace trace = random_trace(1500, 40, Rng(seed));
    for (std::size_t frames = 1; frames < 40; ++frames)
      ASSERT_GE(faults_of("opt", trace, frames), faults_of("opt", trace, frames + 1));
  }
}

TEST(Opt, Counts_nothing_where_it_is_cancelled_at_once) {
  const PageTrace trace = loop_trace(1000, 10);
  Cancel cancel;
  cancel.request();
  EXPECT_EQ(replay_opt({.trace = trace, .frames = 5, .cancel = cancel}), ReplayCounts{});
}

TEST(Opt, Counts_nothing_of_an_empty_trace) {
  EXPECT_EQ(replay_opt({.trace = PageTrace{}, .frames = 5}), ReplayCounts{});
}

}  // namespace
}  // namespace brim::thrash::model
