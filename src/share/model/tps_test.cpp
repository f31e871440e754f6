// SPDX-License-Identifier: Apache-2.0
#include "share/model/tps.h"

#include "share/model/test_mechanisms.h"

#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

TpsKnobs scan_in(std::chrono::nanoseconds time) {
  TpsKnobs knobs;
  knobs.share_scan_time = time;
  knobs.share_at_allocation = false;
  return knobs;
}

SimulatedMemory::Range add_guest(SimulatedMemory& memory,
                                 const std::vector<std::uint64_t>& contents) {
  const auto pages = memory.add_guest(Pages(contents.size()));
  for (std::size_t i = 0; i < contents.size(); ++i)
    memory.write(pages.first + static_cast<Page>(i), content(contents[i]));
  return pages;
}

// Waldspurger 2002, section 4.2. Whatever the order, the first page of content 1 leaves a hint; the
// second matches it: 4 hashes and one of the hint's page; one comparison. In the next scan only the
// two pages that are alone are hashed.
TEST(TpsTest, A_page_that_matches_a_hint_shares_a_frame_with_the_page_that_left_it) {
  SimulatedMemory memory;
  Tps tps(memory, scan_in(4s), Costs{}, Rng(1));
  tps.add(add_guest(memory, {1, 2, 1, 3}));
  tps.run(4s);
  EXPECT_EQ(memory.frame(0), memory.frame(2));
  EXPECT_EQ(tps.work().visits, 4u);
  EXPECT_EQ(tps.work().checksums, 5u);
  EXPECT_EQ(tps.work().confirmations, 1u);
  EXPECT_EQ(tps.pshare().shared, 2u);
  EXPECT_EQ(tps.pshare().common, 1u);
  EXPECT_EQ(tps.pshare().saving, 1u);
  tps.run(8s);
  EXPECT_EQ(tps.work().visits, 8u);
  EXPECT_EQ(tps.work().checksums, 7u);
  expect_sound(memory);
}

// The first guest's page is scanned at 1 s, 2 s ...; the second's at 1.5 s, 2.5 s ...
TEST(TpsTest, A_hint_whose_page_has_changed_is_dropped_and_the_page_scanned_is_the_hint_now) {
  SimulatedMemory memory;
  Tps tps(memory, scan_in(1s), Costs{}, Rng(1));
  tps.add(add_guest(memory, {5}));
  tps.run(500ms);
  tps.add(add_guest(memory, {5}));
  tps.run(1s);  // page 0 leaves a hint
  memory.write(0, content(6));
  tps.run(1500ms);
  EXPECT_EQ(memory.totals().saved_pages(), 0u);
  EXPECT_EQ(tps.work().checksums, 3u) << "page 0, page 1, and page 0 again";
  EXPECT_EQ(tps.work().confirmations, 0u);
  memory.write(0, content(5));
  tps.run(2s);  // page 0 finds page 1's hint
  EXPECT_EQ(memory.frame(0), memory.frame(1));
  memory.write(1, content(5));
  EXPECT_EQ(memory.frame(1), kOwnFrame);
  tps.run(2500ms);
  EXPECT_EQ(memory.frame(0), memory.frame(1)) << "its frame is still in the table";
  expect_sound(memory);
}

TEST(TpsTest, Every_page_of_a_guest_is_scanned_once_within_the_scan_time) {
  SimulatedMemory memory;
  Tps tps(memory, scan_in(1000s), Costs{}, Rng(1));
  const auto pages = memory.add_guest(Pages(1000));
  for (Page page = 0; page < 1000; ++page) memory.write(page, content(1 + page / 2));
  tps.add(pages);
  tps.run(100s);
  EXPECT_EQ(tps.work().visits, 100u);
  EXPECT_LT(memory.totals().saved_pages(), 20u)
      << "at random: neighbours are seldom both among 100";
  tps.run(1000s);
  EXPECT_EQ(tps.work().visits, 1000u);
  EXPECT_EQ(memory.totals().saved_pages(), 500u);
}

// 4 MiB a second for each GHz, at 1 GHz: 1,024 pages a second, where two guests of 4,096 pages in
// 1 s ask for 8,192.
TEST(TpsTest, The_hosts_processors_limit_the_rate_of_all_guests_alike) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(1s);
  knobs.host_ghz = 1;
  Costs costs;
  costs.visit = 1us;
  Tps tps(memory, knobs, costs, Rng(1));
  for (std::uint64_t guest = 0; guest < 2; ++guest) {
    const auto pages = memory.add_guest(Pages(4096));
    for (Page page = pages.first; page < pages.end; ++page) memory.write(page, content(page + 1));
    tps.add(pages);
  }
  tps.run(1s);
  EXPECT_EQ(tps.work().visits, 1024u);
  EXPECT_EQ(tps.cpu_time(), 1024us);
  tps.run(8s);
  EXPECT_EQ(tps.work().visits, 8192u);
  EXPECT_EQ(tps.work().checksums, 8192u) << "each page once";
}

TEST(TpsTest, A_new_page_gets_a_look_of_its_own_unless_told_not_to) {
  for (const bool looks : {true, false}) {
    SimulatedMemory memory;
    TpsKnobs knobs = scan_in(3600s);
    knobs.share_at_allocation = looks;
    Tps tps(memory, knobs, Costs{}, Rng(1));
    tps.add(memory.add_guest(Pages(10)));
    for (Page page = 0; page < 3; ++page) {
      memory.write(page, content(4 + page));
      tps.allocated(page);
      memory.write(page, content(4));
    }
    EXPECT_EQ(memory.totals().saved_pages(), 0u) << "the guest is still writing to them";
    tps.run(1s);
    EXPECT_EQ(memory.totals().saved_pages(), looks ? 2u : 0u);
    expect_sound(memory);
  }
}

// Of 1,024 pages a second scanning takes 256. The first second, when nothing was new, is lost.
TEST(TpsTest, New_pages_are_looked_at_with_what_scanning_leaves_of_the_rate) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(16s);
  knobs.share_at_allocation = true;
  knobs.host_ghz = 1;
  Tps tps(memory, knobs, Costs{}, Rng(1));
  tps.add(memory.add_guest(Pages(4096)));
  tps.run(1s);
  for (Page page = 0; page < 1536; ++page) {
    memory.write(page, content(1 + page));
    tps.allocated(page);
  }
  tps.run(2s);
  const auto first_second = tps.work().visits;
  EXPECT_GE(first_second, 767u);
  EXPECT_LE(first_second, 768u + 256u);
  tps.run(3001ms);
  EXPECT_GE(tps.work().visits, 1535u);
}

TEST(TpsTest, New_pages_wait_for_the_scan_where_it_takes_all_of_the_rate) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(1s);
  knobs.share_at_allocation = true;
  knobs.host_ghz = 1;
  Tps tps(memory, knobs, Costs{}, Rng(1));
  tps.add(memory.add_guest(Pages(2048)));
  for (Page page = 0; page < 10; ++page) {
    memory.write(page, content(4));
    tps.allocated(page);
  }
  tps.run(20ms);
  EXPECT_LE(tps.work().visits, 5u);
  tps.run(2s);
  EXPECT_EQ(memory.totals().saved_pages(), 9u);
}

// 100 pages, of which 90 to 99, alone equal, come first: shared after 10 of 100 turns.
TEST(TpsTest, Code_and_read_only_pages_come_first_where_asked_for) {
  for (const auto& [order, use] : {std::pair{TpsOrder::code_first, PageUse::code},
                                   std::pair{TpsOrder::read_only_first, PageUse::read_only},
                                   std::pair{TpsOrder::read_only_first, PageUse::code},
                                   std::pair{TpsOrder::code_first, PageUse::read_only},
                                   std::pair{TpsOrder::random, PageUse::code}}) {
    SimulatedMemory memory;
    TpsKnobs knobs = scan_in(100s);
    knobs.order = order;
    Tps tps(memory, knobs, Costs{}, Rng(7));
    tps.add(memory.add_guest(Pages(100)));
    for (Page page = 0; page < 100; ++page) {
      memory.write(page, content(page < 90 ? 1 + page : 1000));
      memory.set_use(page, page < 90 ? PageUse::data : use);
    }
    tps.run(10s);
    const bool first = (order == TpsOrder::code_first && use == PageUse::code) ||
                       order == TpsOrder::read_only_first;
    EXPECT_EQ(memory.totals().pages_on_shared_frames == 10, first);
    tps.run(100s);
    EXPECT_EQ(memory.totals().pages_on_shared_frames, 10u);
  }
}

// 200 pages of code, of which neighbours are equal, and 200 of data: in order, 20 turns would pair
// 10.
TEST(TpsTest, Pages_that_come_first_come_at_random_among_themselves) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(400s);
  knobs.order = TpsOrder::code_first;
  Tps tps(memory, knobs, Costs{}, Rng(7));
  tps.add(memory.add_guest(Pages(400)));
  for (Page page = 0; page < 400; ++page) {
    memory.write(page, content(1 + page / 2));
    memory.set_use(page, page < 200 ? PageUse::code : PageUse::data);
  }
  tps.run(20s);
  EXPECT_LT(memory.totals().saved_pages(), 5u);
  tps.run(200s);
  EXPECT_EQ(memory.totals().saved_pages(), 100u);
}

// In the second scan pages 10 to 19, written to since the first began, come last.
TEST(TpsTest, Pages_not_changed_lately_come_first_where_asked_for) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(20s);
  knobs.order = TpsOrder::unchanged_first;
  Tps tps(memory, knobs, Costs{}, Rng(7));
  tps.add(memory.add_guest(Pages(20)));
  for (Page page = 0; page < 20; ++page) memory.write(page, content(1 + page));
  tps.run(20s);
  for (Page page = 10; page < 20; ++page) memory.write(page, content(1000));
  tps.run(30s);
  EXPECT_EQ(memory.totals().saved_pages(), 0u);
  tps.run(40s);
  EXPECT_EQ(memory.totals().saved_pages(), 9u);
}

// Two large pages of the same 512 contents, two equal small pages after them, and one that is equal
// to a part of each large page.
TEST(TpsTest, Large_pages_are_shared_at_once_when_pressure_breaks_them_and_not_before) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(1027s);
  knobs.guest_large_pages = true;
  Tps tps(memory, knobs, Costs{}, Rng(3));
  const auto pages = memory.add_guest(Pages(1027));
  for (Page page = 0; page < 1024; ++page) memory.write(page, content(1 + page % 512));
  for (Page page = 1024; page < 1026; ++page) memory.write(page, content(1000));
  memory.write(1026, content(3));
  tps.add(pages);
  tps.run(1027s);
  EXPECT_EQ(tps.work().checksums, 1028u) << "each page, and the hint of the small pair";
  EXPECT_EQ(memory.totals().saved_pages(), 1u) << "the small pair";
  tps.set_pressure(true);
  EXPECT_EQ(tps.work().breaks, 2u);
  EXPECT_EQ(memory.totals().saved_pages(), 514u);
  tps.set_pressure(true);
  EXPECT_EQ(tps.work().breaks, 2u);
  expect_sound(memory);
}

TEST(TpsTest, Memory_allocated_under_pressure_is_not_large) {
  SimulatedMemory memory;
  TpsKnobs knobs = scan_in(1000s);
  knobs.guest_large_pages = true;
  knobs.share_at_allocation = true;
  Tps tps(memory, knobs, Costs{}, Rng(3));
  tps.add(memory.add_guest(Pages(1024)));
  for (const bool pressure : {false, true}) {
    tps.set_pressure(pressure);
    const Page first = pressure ? 512 : 0;
    for (Page page = first; page < first + 3; ++page) {
      memory.write(page, content(4));
      tps.allocated(page);
    }
    tps.run(pressure ? 200ms : 100ms);
    EXPECT_EQ(memory.totals().saved_pages(), pressure ? 2u : 0u);
  }
  EXPECT_EQ(tps.work().breaks, 2u);
}

TEST(TpsTest, How_time_is_cut_up_makes_no_difference) {
  const auto saved = [](ModelTime step) {
    SimulatedMemory memory;
    Tps tps(memory, scan_in(60s), Costs{}, Rng(5));
    Rng rng(6);
    for (std::uint64_t guest = 0; guest < 3; ++guest) {
      const auto pages = memory.add_guest(Pages(100 + guest * 77));
      test::fill(memory, pages, 50, rng);
      tps.add(pages);
    }
    for (ModelTime now = step; now <= 30s; now += step) tps.run(now);
    return memory.totals().saved_pages();
  };
  EXPECT_EQ(saved(100ms), saved(30s));
  EXPECT_GT(saved(30s), 0u);
}

}  // namespace
}  // namespace brim::share::model
