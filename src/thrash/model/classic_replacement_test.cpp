// SPDX-License-Identifier: Apache-2.0
// Policies that every textbook has, on examples that can be followed by hand.
#include "thrash/model/test_traces.h"

namespace brim::thrash::model {
namespace {

using test::counts_of;
using test::faults_of;
using test::loop_trace;
using test::random_trace;
using test::trace_of;

// Silberschatz, Galvin and Gagne, "Operating System Concepts", chapter on virtual memory: three
// frames.
const std::vector<int> kSilberschatz = {7, 0, 1, 2, 0, 3, 0, 4, 2, 3, 0, 3, 2, 1, 2, 0, 1, 7, 0, 1};
// Belady, Nelson and Shedler 1969.
const std::vector<int> kBelady = {1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5};

TEST(Fifo, Has_15_faults_in_the_textbooks_example) {
  EXPECT_EQ(faults_of("fifo", trace_of(kSilberschatz), 3), 15U);
}

TEST(Fifo, Has_more_faults_with_more_frames_in_beladys_anomaly) {
  EXPECT_EQ(faults_of("fifo", trace_of(kBelady), 3), 9U);
  EXPECT_EQ(faults_of("fifo", trace_of(kBelady), 4), 10U);
}

TEST(Lru, Has_12_faults_in_the_textbooks_example) {
  EXPECT_EQ(faults_of("lru", trace_of(kSilberschatz), 3), 12U);
}

// Mattson et al. 1970: stack algorithms.
TEST(Lru, Never_has_more_faults_with_more_frames) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    const PageTrace trace = random_trace(1500, 40, Rng(seed));
    for (std::size_t frames = 1; frames < 40; ++frames)
      ASSERT_GE(faults_of("lru", trace, frames), faults_of("lru", trace, frames + 1));
  }
}

// A loop over one page more than fits is LRU's worst case: every reference faults.
TEST(Lru, Faults_always_in_a_loop_that_just_does_not_fit) {
  EXPECT_EQ(faults_of("lru", loop_trace(1000, 11), 10), 1000U);
  EXPECT_EQ(faults_of("fifo", loop_trace(1000, 11), 10), 1000U);
}

// Three frames, 1 2 3 referenced again as 1: the hand passes 1, whose bit is set, and 2 leaves.
TEST(Clock, Passes_pages_referenced_since_it_last_came) {
  EXPECT_EQ(faults_of("clock", trace_of({1, 2, 3, 1, 4, 1}), 3), 4U);
  EXPECT_EQ(faults_of("clock", trace_of({1, 2, 3, 1, 4, 2}), 3), 5U);
}

// Where loading sets the bit, all of 1, 2, 3 have it: the hand goes round and takes 1.
TEST(Clock, Differs_where_loading_counts_as_a_reference) {
  const PageTrace trace = trace_of({1, 2, 3, 1, 4, 1});
  EXPECT_EQ(faults_of("clock(reference_on_load=true)", trace, 3), 5U);
}

TEST(Clock, Without_hits_is_fifo) {
  const PageTrace trace = loop_trace(1000, 30);
  EXPECT_EQ(faults_of("clock", trace, 10), faults_of("fifo", trace, 10));
}

// A loop of 11 pages through 10 frames: LRU's hits are none; random's are some.
TEST(RandomReplacement, Is_not_constant) {
  const PageTrace trace = loop_trace(2000, 11);
  EXPECT_LT(faults_of("random", trace, 10), 1500U);
  EXPECT_NE(counts_of("random", trace, 10, 1), counts_of("random", trace, 10, 2));
}

TEST(ChoosePolicies, Reads_lists_and_names_what_is_wrong) {
  const auto chosen = choose_policies("lru, clock(reference_on_load=true)");
  ASSERT_TRUE(chosen);
  ASSERT_EQ(chosen->size(), 2U);
  EXPECT_EQ((*chosen)[1].words, "clock(reference_on_load=true)");
  EXPECT_TRUE((*chosen)[1].settings.get<bool>("reference_on_load"));
  EXPECT_EQ(choose_policies("all")->size(), replacement_policies().size());
  EXPECT_NE(choose_policies("lri").error().what.find("'lru'"), std::string::npos);
  EXPECT_FALSE(choose_policies(""));
  EXPECT_FALSE(choose_policies("clock(reference_on_lod=true)"));
  EXPECT_FALSE(choose_policies("clock(reference_on_load=true"));
  EXPECT_FALSE(choose_policies("lru(k=2)"));
}

}  // namespace
}  // namespace brim::thrash::model
