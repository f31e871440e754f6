// SPDX-License-Identifier: Apache-2.0
// Policies that approximate LRU or the working set with referenced bits and timers, on examples
// that can be followed by hand, and against their definitions. wsclock has a file of its own.
#include "thrash/model/aging.h"
#include "thrash/model/lau.h"
#include "thrash/model/nru.h"
#include "thrash/model/test_traces.h"
#include "thrash/model/two_handed_clock.h"
#include "thrash/model/working_set.h"

#include <map>
#include <string>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using test::counts_of;
using test::faults_of;
using test::loop_trace;
using test::random_trace;
using test::trace_of;

// Four frames. 1 is referenced before its turn comes and goes behind 4: 2 leaves.
TEST(SecondChance, Queues_again_what_was_referenced_when_its_turn_came) {
  EXPECT_EQ(faults_of("second-chance", trace_of({1, 2, 3, 4, 1, 5, 1, 3, 4}), 4), 5U);
  EXPECT_EQ(faults_of("second-chance", trace_of({1, 2, 3, 4, 1, 5, 2}), 4), 6U);
}

TEST(SecondChance, Has_the_same_faults_and_writes_as_clock) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const PageTrace trace = random_trace(3000, 120, Rng(seed));
    for (const std::size_t frames : {1U, 3U, 40U, 100U}) {
      for (const std::string on_load : {"false", "true"}) {
        const std::string knobs = fmt::format("(reference_on_load={})", on_load);
        ASSERT_EQ(counts_of("second-chance" + knobs, trace, frames),
                  counts_of("clock" + knobs, trace, frames));
      }
    }
  }
}

TEST(TwoHandedClock, Is_the_clock_of_one_hand_where_the_hands_meet) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    const PageTrace trace = random_trace(3000, 120, Rng(seed));
    for (const std::size_t frames : {1U, 3U, 40U, 100U})
      ASSERT_EQ(counts_of("two-handed-clock(spread=1)", trace, frames),
                counts_of("clock", trace, frames));
  }
}

// Four frames, the hands two apart. 1, 2 and 3 have been referenced. While the back hand passes 1
// and 2 the front hand clears 3 and 4, and the back hand takes 3; one hand would have taken 4.
TEST(TwoHandedClock, Takes_what_was_not_referenced_between_the_front_hand_and_the_back) {
  const PageTrace trace = trace_of({1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 4});
  EXPECT_EQ(faults_of("two-handed-clock", trace, 4), 5U);
  EXPECT_EQ(faults_of("clock", trace, 4), 6U);
  const PageTrace other = trace_of({1, 2, 3, 4, 1, 2, 3, 5, 1, 2, 3});
  EXPECT_EQ(faults_of("two-handed-clock", other, 4), 6U);
  EXPECT_EQ(faults_of("clock", other, 4), 5U);
}

// Four frames, the hands two apart, all referenced: the back hand looks at 0 and 1 while the front
// hand clears 2 and 3, and takes 2.
TEST(TwoHandedClock, The_back_hand_looks_at_pages_that_it_leaves) {
  PageTable table(5);
  TwoHandedClock hands(table, 4, {.spread = 0.5});
  for (PageNumber page = 0; page < 4; ++page) {
    hands.load(page, Access::read);
    hands.hit(page, Access::read);
  }
  EXPECT_EQ(hands.victim(), 2U);
  EXPECT_EQ(table.take_looks(), 2U);
}

// A page of each class, of which 0 and 1 have lost their referenced bits at a tick.
TEST(Nru, Takes_pages_by_their_class) {
  PageTable table(4);
  Nru nru(table, 4, {.interval = 2}, Rng(1));
  const auto load = [&](PageNumber page, Access access) {
    table.advance();
    table.note(page, access);
    nru.load(page, access);
  };
  load(1, Access::write);
  load(0, Access::read);
  load(3, Access::write);
  load(2, Access::read);
  for (PageNumber page = 0; page < 4; ++page) EXPECT_EQ(nru.victim(), page);
}

TEST(Nru, Knows_that_a_page_was_modified_after_it_was_loaded) {
  PageTable table(2);
  Nru nru(table, 2, {.interval = 100}, Rng(1));
  for (const PageNumber page : {0U, 1U}) nru.load(page, Access::read);
  table.note(0, Access::write);
  nru.hit(0, Access::write);
  EXPECT_EQ(nru.victim(), 1U);
}

// References 1 to 10 are of the first interval.
TEST(Nru, Clears_referenced_bits_before_the_first_reference_of_an_interval) {
  PageTable table(2);
  Nru nru(table, 2, {.interval = 10}, Rng(1));
  table.advance();
  nru.load(0, Access::read);
  table.advance(9);
  nru.load(1, Access::read);
  EXPECT_TRUE(table.referenced(0));
  table.advance();
  nru.hit(1, Access::read);
  EXPECT_FALSE(table.referenced(0));
  EXPECT_TRUE(table.referenced(1));
  EXPECT_EQ(nru.victim(), 0U);
}

TEST(Nru, Takes_any_page_of_the_lowest_class) {
  std::map<PageNumber, int> taken;
  for (std::uint64_t seed = 0; seed < 800; ++seed) {
    PageTable table(9);
    Nru nru(table, 9, {}, Rng(seed));
    table.note(8, Access::write);
    for (PageNumber page = 0; page < 9; ++page) nru.load(page, Access::read);
    ++taken[nru.victim()];
  }
  EXPECT_FALSE(taken.contains(8));
  for (PageNumber page = 0; page < 8; ++page) EXPECT_NEAR(taken[page], 100, 50) << page;
}

// Tanenbaum, "Modern Operating Systems", page replacement algorithms: six pages at five ticks.
// Before, all counters are 0, as eight idle ticks leave them.
TEST(Aging, Shifts_counters_as_in_the_textbooks_example) {
  const std::vector<std::string> referenced = {"101011", "110010", "110101", "100010", "011000"};
  const std::vector<std::vector<std::uint32_t>> expected = {
      {0b10000000, 0b00000000, 0b10000000, 0b00000000, 0b10000000, 0b10000000},
      {0b11000000, 0b10000000, 0b01000000, 0b00000000, 0b11000000, 0b01000000},
      {0b11100000, 0b11000000, 0b00100000, 0b10000000, 0b01100000, 0b10100000},
      {0b11110000, 0b01100000, 0b00010000, 0b01000000, 0b10110000, 0b01010000},
      {0b01111000, 0b10110000, 0b10001000, 0b00100000, 0b01011000, 0b00101000}};
  // The last page is only there to be referenced: a timer is looked at when something is.
  PageTable table(7);
  Aging aging(table, 7, {.bits = 8, .interval = 100});
  table.advance();
  for (PageNumber page = 0; page < 7; ++page) aging.load(page, Access::read);
  table.advance(900);
  for (std::size_t tick = 0; tick < referenced.size(); ++tick) {
    aging.hit(6, Access::read);
    for (PageNumber page = 0; page < 6; ++page)
      if (referenced[tick][page] == '1') aging.hit(page, Access::read);
    table.advance(100);
    aging.hit(6, Access::read);
    for (PageNumber page = 0; page < 6; ++page)
      EXPECT_EQ(aging.counter(page), expected[tick][page]) << "page " << page << ", tick " << tick;
  }
  // Of 3 and 5, both not referenced at the last two ticks, 3 goes: it was not before, either.
  for (const PageNumber page : {3U, 5U, 4U, 0U, 2U, 1U}) EXPECT_EQ(aging.victim(), page);
}

// From the definition, with no order kept.
class AgingBySearch {
 public:
  AgingBySearch(std::uint32_t bits, std::uint64_t interval)
      : highest_(std::uint64_t{1} << (bits - 1)), interval_(interval) {}

  bool reference(PageNumber page, std::uint64_t now, std::size_t frames) {
    if (now > 1 && (now - 1) % interval_ == 0) {
      for (One& one : pages_) {
        one = {one.page, one.counter >> 1 | (one.referenced ? highest_ : 0), false, false};
      }
    }
    const auto at = std::ranges::find(pages_, page, &One::page);
    if (at != pages_.end()) {
      at->referenced = true;
      return true;
    }
    if (pages_.size() == frames)
      pages_.erase(std::ranges::min_element(
          pages_, {}, [this](const One& one) { return one.fresh ? highest_ : one.counter; }));
    pages_.push_back({page, 0, true, true});
    return false;
  }

 private:
  struct One {
    PageNumber page;
    std::uint64_t counter;
    bool referenced;
    bool fresh;  // since the last tick
  };
  std::uint64_t highest_;
  std::uint64_t interval_;
  std::vector<One> pages_;  // by load
};

TEST(Aging, Faults_as_a_search_for_the_lowest_counter_does) {
  for (const std::uint32_t bits : {1U, 2U, 8U, 9U, 32U}) {
    for (const std::uint64_t interval : {1U, 7U, 30U, 200U}) {
      const PageTrace trace = random_trace(3000, 100, Rng(bits + interval));
      AgingBySearch search(bits, interval);
      std::uint64_t faults = 0;
      for (std::size_t i = 0; i < trace.references.size(); ++i)
        faults += search.reference(trace.references[i].page(), i + 1, 30) ? 0 : 1;
      EXPECT_EQ(faults_of(fmt::format("aging(bits={},interval={})", bits, interval), trace, 30),
                faults);
    }
  }
}

TEST(Aging, Makes_up_for_ticks_while_nothing_was_referenced) {
  PageTable table(2);
  Aging aging(table, 2, {.bits = 8, .interval = 10});
  table.advance();
  aging.load(0, Access::read);
  table.advance(40);  // to the first reference after four ticks
  aging.load(1, Access::read);
  EXPECT_EQ(aging.counter(0), 0b00010000U);
  EXPECT_EQ(aging.counter(1), 0b10000000U);
  table.advance(std::uint64_t{1} << 40);
  aging.hit(1, Access::read);
  EXPECT_EQ(aging.counter(0), 0U);
}

// Its size between references, and its faults, from the definition.
TEST(WorkingSet, Is_what_was_referenced_within_tau) {
  for (const std::uint64_t tau : {1U, 2U, 10U, 100U, 5000U}) {
    const PageTrace trace = random_trace(2000, 100, Rng(tau));
    PageTable table(trace.pages);
    WorkingSet pages(table, trace.pages, {.tau = tau});
    std::vector<bool> resident(trace.pages);
    std::vector<std::size_t> last(trace.pages, 0);  // reference, from 1
    std::uint64_t size = 0;
    std::uint64_t sizes = 0;
    std::uint64_t sizes_expected = 0;
    for (std::size_t now = 1; now <= trace.references.size(); ++now) {
      const PageNumber page = trace.references[now - 1].page();
      table.advance();
      for (PageNumber gone = pages.leaving(); gone != kNoPage; gone = pages.leaving(), --size)
        resident[gone] = false;
      sizes += size;
      sizes_expected += static_cast<std::uint64_t>(std::ranges::count_if(
          last, [&](std::size_t when) { return when > 0 && when + tau >= now; }));
      ASSERT_EQ(resident[page], last[page] > 0 && last[page] + tau >= now);
      resident[page] ? pages.hit(page, Access::read) : pages.load(page, Access::read);
      size += resident[page] ? 0 : 1;
      resident[page] = true;
      last[page] = now;
    }
    EXPECT_EQ(sizes, sizes_expected);
  }
}

// Two references of 1, four apart.
TEST(WorkingSet, Has_a_page_for_tau_references_and_not_one_more) {
  const PageTrace trace = trace_of({1, 2, 3, 2, 1});
  EXPECT_EQ(faults_of("working-set(tau=4)", trace, 5), 3U);
  EXPECT_EQ(faults_of("working-set(tau=3)", trace, 5), 4U);
}

TEST(WorkingSet, Is_lru_where_it_does_not_fit) {
  const PageTrace trace = random_trace(3000, 100, Rng(1));
  EXPECT_EQ(counts_of("working-set(tau=100000)", trace, 30), counts_of("lru", trace, 30));
}

TEST(WorkingSet, Writes_back_what_leaves_early) {
  const PageTrace trace = random_trace(3000, 100, Rng(1));
  EXPECT_GT(counts_of("working-set(tau=10)", trace, 100).writebacks, 100U);
  EXPECT_EQ(counts_of("lru", trace, 100).writebacks, 0U);
}

// Pages 0 to 3, loaded in order: a scan finds them referenced (count 8), eight find them idle.
class LauTest : public testing::Test {
 protected:
  static constexpr LauKnobs kOneEach{.inactive = 0.25, .cache = 0.25};

  void fill(Lau& lau) {
    for (PageNumber page = 0; page < 4; ++page) lau.load(page, Access::read);
  }
  PageTable table_{10};
};

// 0 and 1 are the first whose count is 0: 0 goes through to cache and leaves, 1 stays inactive. If
// it is referenced there it is active again, and 2, the next, leaves.
TEST_F(LauTest, A_page_referenced_on_the_inactive_queue_becomes_active) {
  for (const bool referenced : {false, true}) {
    Lau lau(table_, 4, kOneEach);
    fill(lau);
    EXPECT_EQ(lau.victim(), 0U);
    if (referenced) lau.hit(1, Access::read);
    lau.load(4, Access::read);
    EXPECT_EQ(lau.victim(), referenced ? 2U : 1U);
  }
}

TEST_F(LauTest, A_modified_page_is_written_back_and_goes_round_once_more) {
  Lau lau(table_, 4, kOneEach);
  table_.note(0, Access::write);
  fill(lau);
  EXPECT_EQ(lau.victim(), 1U);
  EXPECT_EQ(table_.writebacks(), 1U);
  EXPECT_FALSE(table_.modified(0));
  lau.load(4, Access::read);
  EXPECT_EQ(lau.victim(), 0U);
  EXPECT_EQ(table_.writebacks(), 1U);
}

// 0, 1 and 2 become inactive, 0 and 1 go to cache.
TEST_F(LauTest, A_hit_on_the_cache_queue_makes_a_page_active_at_once) {
  for (const bool hit : {false, true}) {
    Lau lau(table_, 4, {.inactive = 0.25, .cache = 0.5});
    fill(lau);
    EXPECT_EQ(lau.victim(), 0U);
    if (hit) lau.hit(1, Access::read);
    lau.load(4, Access::read);
    EXPECT_EQ(lau.victim(), hit ? 2U : 1U);
  }
}

// When 0 leaves, 1 is inactive and 2 and 3 have a count of 1. Found referenced, 2 has 4; pages 4
// and 5, with 5 and then 8, outlast it.
TEST_F(LauTest, A_page_found_referenced_is_active_for_three_scans_more) {
  for (const bool referenced : {false, true}) {
    Lau lau(table_, 4, kOneEach);
    fill(lau);
    EXPECT_EQ(lau.victim(), 0U);
    if (referenced) lau.hit(2, Access::read);
    lau.load(4, Access::read);
    EXPECT_EQ(lau.victim(), 1U);
    EXPECT_EQ(lau.activity(2), referenced ? 4U : 0U);
    lau.load(5, Access::read);
    EXPECT_EQ(lau.victim(), referenced ? 3U : 2U);
    lau.load(6, Access::read);
    EXPECT_EQ(lau.victim(), referenced ? 2U : 3U);
  }
}

// The first round clears four bits. In the seven after it four counts each go down to 1, in the
// last two go to 0.
TEST_F(LauTest, A_page_that_is_idle_is_looked_at_in_each_round_of_its_count) {
  Lau lau(table_, 4, kOneEach);
  fill(lau);
  EXPECT_EQ(lau.victim(), 0U);
  EXPECT_EQ(table_.take_looks(), 7U * 4 + 2);
  EXPECT_EQ(table_.take_looks(), 0U) << "since the last call";
}

// Page 99 is referenced before each fault, and one other, so that counts are of all sizes and a
// fault's scan ends before it has gone round.
TEST(Lau, A_page_always_referenced_has_the_highest_count_and_never_leaves) {
  PageTable table(3000);
  Lau lau(table, 100, {});
  std::vector<PageNumber> others;
  Rng rng(1);
  for (PageNumber page = 0; page < 3000; ++page) {
    if (page >= 100) {
      lau.hit(99, Access::read);
      lau.hit(others[rng.below(others.size())], Access::read);
      const PageNumber victim = lau.victim();
      ASSERT_NE(victim, 99U);
      std::erase(others, victim);
    }
    lau.load(page, Access::read);
    if (page != 99) others.push_back(page);
  }
  EXPECT_EQ(lau.activity(99), 64U);
}

TEST(Lau, Is_fifo_where_no_page_is_referenced_twice_before_it_leaves) {
  const PageTrace trace = loop_trace(1000, 30);
  EXPECT_EQ(faults_of("lau", trace, 10), faults_of("fifo", trace, 10));
}

}  // namespace
}  // namespace brim::thrash::model
