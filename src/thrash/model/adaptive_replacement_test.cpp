// SPDX-License-Identifier: Apache-2.0
// Policies that keep what is used again from being swept out by what is used once. Examples are
// followed by hand along the papers' pseudo-code, which adaptive_literal_test.cpp has in full.
#include "thrash/model/arc.h"
#include "thrash/model/car.h"
#include "thrash/model/lru_k.h"
#include "thrash/model/s3_fifo.h"
#include "thrash/model/sieve.h"
#include "thrash/model/test_driver.h"
#include "thrash/model/test_traces.h"

namespace brim::thrash::model {
namespace {

using test::counts_of;
using test::Driver;
using test::faults_of;
using test::hot_and_scan_trace;
using test::hot_faults_of;
using test::loop_trace;
using test::random_trace;
using PageSet = std::set<PageNumber>;

std::size_t size_of(const auto& driver, AdaptiveList list) {
  return driver.policy().lists().size(list);
}

// 1 is seen twice and goes to T2; 2 leaves T1 for B1. Found there, it raises p to 1, so that T1
// keeps its page and T2's leaves for B2. Found there, that one lowers p to 0.
TEST(Arc, Follows_figure_4_through_a_hit_in_either_ghost_list) {
  Driver<Arc> arc(5, 2, 2U);
  arc.reference({1, 1, 2});
  EXPECT_EQ(arc.reference(3), 2U);
  EXPECT_EQ(arc.policy().lists().where(2), AdaptiveList::b1);
  EXPECT_EQ(arc.reference(2), 1U);
  EXPECT_EQ(arc.policy().lists().target(), 1.0);
  EXPECT_EQ(arc.policy().lists().where(1), AdaptiveList::b2);
  EXPECT_EQ(arc.reference(1), 3U);
  EXPECT_EQ(arc.policy().lists().target(), 0.0);
  EXPECT_EQ(arc.reference(3), 2U) << "3 is in B1; T1 is empty";
  EXPECT_EQ(arc.resident(), (PageSet{1, 3}));
}

// Case IV A: where T1 has all frames, its oldest leaves without a trace.
TEST(Arc, Remembers_nothing_of_a_loop_that_does_not_fit) {
  Driver<Arc> arc(3, 2, 2U);
  for (int round = 0; round < 10; ++round) arc.scan(0, 3);
  EXPECT_EQ(size_of(arc, AdaptiveList::b1), 0U);
  EXPECT_EQ(size_of(arc, AdaptiveList::t2), 0U);
  EXPECT_EQ(faults_of("arc", loop_trace(1000, 11), 10), 1000U);
}

// The hand of T1 gives 1, which was referenced, to T2, and takes 2. CAR moves p only after it has
// chosen: as 2 is found in B1, 3 has left T1 already, which ARC would have kept for it.
TEST(Car, Follows_figure_2_through_a_hit_in_either_ghost_list) {
  Driver<Car> car(5, 2, 2U);
  car.reference({1, 2, 1});
  EXPECT_EQ(car.policy().lists().where(1), AdaptiveList::t1) << "a hit moves nothing";
  EXPECT_EQ(car.reference(3), 2U);
  EXPECT_EQ(car.policy().lists().where(1), AdaptiveList::t2);
  EXPECT_EQ(car.reference(2), 3U);
  EXPECT_EQ(car.policy().lists().target(), 1.0);
  EXPECT_EQ(car.reference(4), 1U) << "T1 is empty";
  EXPECT_EQ(car.reference(1), 4U);
  EXPECT_EQ(car.policy().lists().target(), 0.0) << "by |B1| / |B2| = 2, and not below 0";
  EXPECT_EQ(car.resident(), (PageSet{1, 2}));
}

// First pages that are each used again soon after they have left T1: it should have been larger.
// Then eight that are used over and over, which a scan pushes out of T2 as long as p is high.
template <class Policy>
void expect_target_to_follow_the_load() {
  Driver<Policy> driver(1000, 10, 10U);
  const auto target = [&] { return driver.policy().lists().target(); };
  driver.scan(0, 10);
  driver.scan(0, 10);
  EXPECT_EQ(target(), 0.0);
  for (PageNumber page = 100; page < 300; ++page) {
    driver.reference(page);
    if (page >= 103) driver.reference(page - 3);
  }
  const double high = target();
  EXPECT_GE(high, 3.0);
  EXPECT_LE(high, 10.0);
  double low = high;
  for (PageNumber round = 0; round < 20; ++round) {
    driver.scan(0, 8);
    driver.scan(0, 8);
    driver.scan(300 + 20 * round, 6);
    low = std::min(low, target());
  }
  EXPECT_LT(low, 3.0);
  EXPECT_GE(low, 0.0);
}

TEST(Arc, Gives_T1_more_frames_and_takes_them_back_as_the_load_changes) {
  expect_target_to_follow_the_load<Arc>();
}
TEST(Car, Gives_T1_more_frames_and_takes_them_back_as_the_load_changes) {
  expect_target_to_follow_the_load<Car>();
}

// Page 2 has one reference, page 1 two: LRU would take 1.
TEST(LruK, Takes_the_page_whose_second_last_reference_is_longest_ago_and_unknown_ones_first) {
  Driver<LruK> driver(5, 2, 2U, LruKKnobs{});
  driver.reference({1, 1, 2});
  EXPECT_EQ(driver.reference(3), 2U);
  EXPECT_EQ(driver.reference(2), 3U) << "one reference; 2's first is remembered";
  EXPECT_EQ(driver.reference(4), 1U) << "1's second last was at 1, 2's at 3";
}

TEST(LruK, Without_a_history_a_page_that_comes_back_is_new) {
  Driver<LruK> driver(5, 2, 2U, LruKKnobs{.history = 0});
  driver.reference({1, 1, 2, 3, 2});
  EXPECT_EQ(driver.reference(4), 2U);
}

// The page's uses are at 1 and 3, as 2 is more than 1 apart. 3 was loaded just before 4 comes and
// is spared, though it has but one reference.
TEST(LruK, References_close_together_are_one_and_protect_their_page) {
  const auto gone = [](std::uint64_t correlated) {
    Driver<LruK> driver(5, 2, 2U, LruKKnobs{.correlated = correlated});
    driver.reference({1, 2, 1, 3});
    return driver.reference(4);
  };
  EXPECT_EQ(gone(0), 3U);
  EXPECT_EQ(gone(1), 1U);
  // 1 is referenced twice, but in one use; all are in use, and 1 is the least recent.
  Driver<LruK> driver(5, 2, 2U, LruKKnobs{.correlated = 5});
  driver.reference({1, 1, 2});
  EXPECT_EQ(driver.reference(3), 1U);
}

TEST(LruK, Is_lru_where_k_is_1) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const PageTrace trace = random_trace(3000, 60, Rng(seed));
    EXPECT_EQ(counts_of("lru-k(k=1)", trace, 20), counts_of("lru", trace, 20));
  }
}

// O'Neil et al. 1993, table 4.1: pages of a pool of 100 and of one of 10,000 in turn. Hit ratios
// with 60, 80 and 100 buffers, where the paper measured 3,000 references (from memory of it).
TEST(LruK, Has_the_hit_ratios_of_the_papers_two_pools) {
  PageTrace trace;
  trace.pages = 10100;
  Rng rng(2);
  for (int i = 0; i < 200000; ++i)
    trace.references.emplace_back(
        static_cast<PageNumber>(i % 2 == 0 ? rng.below(100) : 100 + rng.below(10000)),
        Access::read);
  const auto hits = [&](std::string_view policy, std::size_t frames) {
    return 1 - static_cast<double>(faults_of(policy, trace, frames)) / 200000;
  };
  EXPECT_NEAR(hits("lru", 60), 0.14, 0.01);
  EXPECT_NEAR(hits("lru-k(history=200)", 60), 0.291, 0.01);
  EXPECT_NEAR(hits("lru-k(history=200)", 80), 0.382, 0.01);
  EXPECT_NEAR(hits("lru-k(history=200)", 100), 0.459, 0.01);
}

// Ten frames: one for S, nine for M. 0 is used twice after it was loaded, 1 once.
TEST(S3Fifo, Lets_into_the_main_queue_what_is_used_more_than_once) {
  Driver<S3Fifo> driver(100, 10, 10U, S3FifoKnobs{});
  driver.scan(0, 10);
  driver.reference({0, 0, 1});
  EXPECT_EQ(driver.reference(10), 1U);
  EXPECT_EQ(driver.policy().main(), 1U);
  EXPECT_EQ(driver.reference(1), 2U);
  EXPECT_EQ(driver.policy().main(), 2U) << "1 was remembered";
  driver.scan(20, 50);
  EXPECT_TRUE(driver.resident().contains(0) && driver.resident().contains(1));
  EXPECT_EQ(driver.policy().ghosts(), 9U);
}

// Four frames, one for S. 1, 2 and 3 come to M from the ghosts; then 4 does, and M is full: of its
// pages 1 is at the end, but used since, and 2 is not.
TEST(S3Fifo, Puts_back_into_the_main_queue_what_was_used_and_takes_the_next) {
  Driver<S3Fifo> driver(20, 4, 4U, S3FifoKnobs{.small = 0.25, .ghost = 3});
  driver.scan(1, 8);
  driver.reference({1, 2, 3});
  EXPECT_EQ(driver.policy().main(), 3U);
  driver.reference(1);
  driver.reference({9, 9, 9});
  EXPECT_EQ(driver.reference(10), 2U);
  EXPECT_EQ(driver.resident(), (PageSet{1, 3, 9, 10}));
}

// Half of four frames for each. 1 and 2 are in M; 7, used twice, comes to it, and 1 leaves; 8, in S
// and never used, stays, as a frame is free.
TEST(S3Fifo, Takes_a_page_of_the_main_queue_where_another_comes_to_it_and_it_is_full) {
  Driver<S3Fifo> driver(20, 4, 4U, S3FifoKnobs{.small = 0.5, .ghost = 3});
  driver.scan(1, 8);
  driver.reference({1, 2, 7, 7});
  EXPECT_EQ(driver.resident(), (PageSet{1, 2, 7, 8}));
  EXPECT_EQ(driver.reference(9), 1U);
  EXPECT_EQ(driver.policy().main(), 2U);
}

// Figure 1 of the paper (from memory): A to G, of which A, B and G have been visited; then H, A, D,
// I, B, J. The hand passes A and B and takes C; passes D, visited by then, and takes E; takes F.
TEST(Sieve, Evicts_C_E_and_F_in_the_papers_example) {
  enum : PageNumber { a, b, c, d, e, f, g, h, i, j, count };
  Driver<Sieve> driver(count, 7);
  driver.reference({a, b, c, d, e, f, g, a, b, g});
  EXPECT_EQ(driver.reference(h), c);
  driver.reference({a, d});
  EXPECT_EQ(driver.reference(i), e);
  driver.reference(b);
  EXPECT_EQ(driver.reference(j), f);
  EXPECT_EQ(driver.resident(), (PageSet{a, b, d, g, h, i, j}));
}

TEST(Sieve, Begins_again_at_the_tail_when_the_hand_has_passed_the_head) {
  Driver<Sieve> driver(10, 3);
  driver.reference({0, 1, 2, 0, 1, 2});
  EXPECT_EQ(driver.reference(3), 0U) << "all were visited: once round";
  driver.reference({1, 2, 3});
  EXPECT_EQ(driver.reference(4), 1U);
  EXPECT_EQ(driver.resident(), (PageSet{2, 3, 4}));
}

// A hot set of two thirds of the frames; six references of ten are a scan, so that between two
// references of a hot page there come, as a rule, more pages than fit.
TEST(ScanResistance, Keeps_the_hot_set_that_lru_loses_to_a_scan) {
  const PageTrace trace = hot_and_scan_trace(40000, 40, 0.6, Rng(1));
  EXPECT_GT(hot_faults_of("lru", trace, 60), 5000U);
  for (const char* policy : {"arc", "car", "lru-k", "s3-fifo", "sieve"})
    EXPECT_LT(hot_faults_of(policy, trace, 60), 200U) << policy;
}

// A loop of half as much again as fits. Only S3-FIFO, whose ghosts put pages beyond the scan's
// reach, has hits: all others here start from an order of arrival that a loop defeats.
TEST(Loops, Leave_hits_to_s3_fifo_alone) {
  const PageTrace trace = loop_trace(15000, 150);
  EXPECT_LT(faults_of("s3-fifo", trace, 100), 12000U);
  for (const char* policy : {"arc", "car", "lru-k", "sieve", "linux-two-list", "mglru"})
    EXPECT_EQ(faults_of(policy, trace, 100), 15000U) << policy;
}

}  // namespace
}  // namespace brim::thrash::model
