// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/lru_curve.h"

#include "thrash/model/test_traces.h"
#include "thrash/model/zipf_trace.h"

namespace brim::thrash::model {
namespace {

using test::faults_of;
using test::loop_trace;
using test::random_trace;
using test::trace_of;

void expect_lru_faults_of_each_size(const PageTrace& trace, std::size_t step = 1) {
  const std::vector<std::uint64_t> faults = lru_faults(trace);
  ASSERT_EQ(faults.size(), trace.pages);
  for (std::size_t frames = 1; frames <= trace.pages; frames += step)
    ASSERT_EQ(faults[frames - 1], faults_of("lru", trace, frames)) << frames << " frames";
}

// Silberschatz, Galvin and Gagne's example: 12 faults with three frames, by hand.
TEST(LruCurve, Has_the_textbooks_12_faults_with_three_frames) {
  const std::vector<std::uint64_t> faults =
      lru_faults(trace_of({7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1}));
  EXPECT_EQ(faults, (std::vector<std::uint64_t>{20, 17, 12, 8, 7, 6}));
}

TEST(LruCurve, Is_what_replaying_lru_with_each_number_of_frames_gives) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    const std::size_t pages = 1 + 7 * (seed - 1);
    expect_lru_faults_of_each_size(random_trace(3000, pages, Rng(seed)));
    if (HasFatalFailure()) return;
  }
}

// More references than slots, many times over, in blocks that are full, sparse and empty.
TEST(LruCurve, Is_the_same_after_the_marks_have_moved_together) {
  expect_lru_faults_of_each_size(random_trace(300'000, 1000, Rng(1)), 97);
  expect_lru_faults_of_each_size(zipf_trace(400'000, 30'000, 1.0, Rng(2)), 4999);
  expect_lru_faults_of_each_size(loop_trace(200'000, 3), 1);
}

TEST(LruCurve, Of_a_loop_is_a_step_where_it_fits) {
  const std::vector<std::uint64_t> faults = lru_faults(loop_trace(100'000, 5000));
  for (std::size_t frames = 1; frames < 5000; ++frames) ASSERT_EQ(faults[frames - 1], 100'000U);
  EXPECT_EQ(faults[4999], 5000U);
}

TEST(LruCurve, Of_nothing_is_nothing) {
  EXPECT_TRUE(lru_faults(PageTrace{}).empty());
  Cancel cancel;
  cancel.request();
  EXPECT_EQ(lru_faults(loop_trace(100, 2), cancel), (std::vector<std::uint64_t>{0, 0}));
}

}  // namespace
}  // namespace brim::thrash::model
