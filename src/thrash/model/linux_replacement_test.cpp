// SPDX-License-Identifier: Apache-2.0
// Linux's page reclaim, on examples followed by hand along mm/vmscan.c and mm/workingset.c.
#include "thrash/model/linux_two_list.h"
#include "thrash/model/mglru.h"
#include "thrash/model/test_driver.h"
#include "thrash/model/test_traces.h"

namespace brim::thrash::model {
namespace {

using test::Driver;
using test::hot_and_scan_trace;
using test::hot_faults_of;

// Every page has the referenced bit of the fault that loaded it, and goes another round for it.
// 1, used since, is activated at its second scan; 2 was not, and leaves.
TEST(LinuxTwoList, Activates_a_page_found_referenced_twice_and_takes_one_found_so_once) {
  Driver<LinuxTwoList> driver(10, 4, LinuxTwoListKnobs{});
  driver.scan(0, 4);
  EXPECT_EQ(driver.reference(4), 0U);
  EXPECT_FALSE(driver.policy().active(1));
  driver.reference(1);
  EXPECT_FALSE(driver.policy().active(1)) << "a hit moves nothing";
  EXPECT_EQ(driver.reference(5), 2U);
  EXPECT_TRUE(driver.policy().active(1));
}

// All begin on the active list. As the inactive one is empty, all are deactivated, without their
// bits. 1 is used: that is enough then.
TEST(LinuxTwoList, Before_5_9_starts_on_the_active_list_and_activates_at_the_first_look) {
  Driver<LinuxTwoList> driver(10, 4, LinuxTwoListKnobs{.start = LinuxStart::active});
  driver.scan(0, 4);
  EXPECT_TRUE(driver.policy().active(0));
  EXPECT_EQ(driver.reference(4), 0U);
  EXPECT_FALSE(driver.policy().active(1));
  driver.reference(1);
  EXPECT_EQ(driver.reference(5), 2U);
  EXPECT_TRUE(driver.policy().active(1));
}

// 8 frames, of which 1 to 4 become active (age 1 to 5); 5 leaves (6). While two others come, 6 and
// 7 leave, and as 5 comes back, 8: it was away for 4 of age, and 4 pages are active. One more is
// too many.
TEST(LinuxTwoList, Activates_a_page_that_refaults_within_the_active_lists_size) {
  for (const PageNumber others : {2U, 3U}) {
    Driver<LinuxTwoList> driver(20, 8, LinuxTwoListKnobs{});
    driver.scan(0, 8);
    EXPECT_EQ(driver.reference(8), 0U);
    driver.reference({1, 2, 3, 4});
    EXPECT_EQ(driver.reference(9), 5U);
    driver.scan(10, others);
    EXPECT_EQ(driver.reference(5), 6 + others);
    EXPECT_EQ(driver.policy().active(5), others == 2);
  }
}

TEST(LinuxTwoList, Before_5_9_or_after_is_a_word_of_the_policys) {
  EXPECT_TRUE(choose_policies("linux-two-list(start=active, batch=16)"));
  EXPECT_TRUE(choose_policies("linux-two-list(start=\"active\")"));
  EXPECT_FALSE(choose_policies("linux-two-list(start=activ)"));
}

// A batch of one, so that what is active is looked at each time: while more pages are active than
// inactive, one is deactivated for each that is scanned.
TEST(LinuxTwoList, Shrinks_the_active_list_until_the_inactive_one_has_its_part) {
  const auto actives = [](std::size_t ratio) {
    Driver<LinuxTwoList> driver(1000, 20, LinuxTwoListKnobs{.batch = 1, .inactive_ratio = ratio});
    driver.scan(0, 20);
    driver.scan(20, 1);
    for (int round = 0; round < 20; ++round) {
      driver.scan(1, 19);
      driver.scan(100 + 10 * static_cast<PageNumber>(round), 10);
    }
    return std::ranges::count_if(driver.resident(),
                                 [&](PageNumber page) { return driver.policy().active(page); });
  };
  EXPECT_LE(actives(1), 11);
  EXPECT_GT(actives(3), 11);
  EXPECT_LE(actives(3), 16);
}

// Half of the frames are for the hot set; one reference of three is a scan.
TEST(LinuxTwoList, Keeps_a_hot_set_on_the_active_list_that_lru_loses_to_a_scan) {
  const PageTrace trace = hot_and_scan_trace(200000, 1000, 0.33, Rng(4));
  EXPECT_LT(10 * hot_faults_of("linux-two-list", trace, 2000), hot_faults_of("lru", trace, 2000));
}

// What 5.9 was changed for: a scan on the active list pushes out what is used.
TEST(LinuxTwoList, Before_5_9_keeps_less_of_it_but_more_than_fifo) {
  const PageTrace trace = hot_and_scan_trace(200000, 1000, 0.33, Rng(4));
  const std::uint64_t before = hot_faults_of("linux-two-list(start=active)", trace, 2000);
  EXPECT_GT(before, 10 * hot_faults_of("linux-two-list", trace, 2000));
  EXPECT_LT(2 * before, hot_faults_of("fifo", trace, 2000));
}

// Aged twice, all four are in the oldest of three generations. 1, used since, goes to the youngest.
TEST(Mglru, Takes_the_oldest_page_and_promotes_one_found_referenced) {
  Driver<Mglru> driver(10, 4, MglruKnobs{});
  driver.scan(0, 4);
  EXPECT_EQ(driver.reference(4), 0U);
  EXPECT_EQ(driver.policy().walks(), 2U);
  EXPECT_EQ(driver.policy().generations(), 3U);
  EXPECT_EQ(driver.policy().age_of(1), 2U);
  EXPECT_EQ(driver.policy().age_of(4), 0U);
  driver.reference(1);
  EXPECT_EQ(driver.policy().age_of(1), 2U) << "a hit moves nothing";
  EXPECT_EQ(driver.reference(5), 2U);
  EXPECT_EQ(driver.policy().age_of(1), 0U);
}

// More than half of the pages are in the youngest generation: it ages before 6 is loaded, and finds
// 3, the last of the oldest generation, referenced. 3 is saved, and 4 is the oldest now.
TEST(Mglru, Walks_the_page_tables_before_it_takes_the_last_of_the_oldest_generation) {
  for (const bool used : {false, true}) {
    Driver<Mglru> driver(10, 4, MglruKnobs{});
    driver.reference({0, 1, 2, 3, 4, 1, 5});
    EXPECT_EQ(driver.policy().walks(), 2U);
    if (used) driver.reference(3);
    EXPECT_EQ(driver.reference(6), used ? 4U : 3U);
    EXPECT_GT(driver.policy().walks(), 2U);
  }
}

// Of eight frames, with three generations: as 13 comes, five pages are in the youngest, more than
// half. As 16 comes, the oldest has ended and two generations are left. As 20 comes, one page is in
// the oldest (12), three in the next and four, not more than half, in the youngest.
TEST(Mglru, Ages_where_two_generations_are_left_or_of_three_the_outer_ones_are_out_of_proportion) {
  Driver<Mglru> driver(30, 8, MglruKnobs{});
  driver.scan(0, 13);
  EXPECT_EQ(driver.policy().walks(), 2U);
  driver.scan(13, 3);
  EXPECT_EQ(driver.policy().walks(), 3U);
  driver.scan(16, 4);
  EXPECT_EQ(driver.policy().walks(), 4U);
  EXPECT_EQ(driver.policy().age_of(12), 2U);
  driver.scan(20, 1);
  EXPECT_EQ(driver.policy().walks(), 5U);
}

// Then only eviction looks at the bits, one page at a time: second chances.
TEST(Mglru, Without_walks_leaves_the_referenced_bits_to_eviction) {
  Driver<Mglru> driver(10, 4, MglruKnobs{.walk_page_tables = false});
  driver.reference({0, 1, 2, 3});
  EXPECT_EQ(driver.reference(4), 0U);
  driver.reference(1);
  EXPECT_EQ(driver.reference(5), 2U);
  EXPECT_EQ(driver.policy().walks(), 0U);
}

// What the walks cost is in proportion to what leaves: about one for a quarter of the frames.
TEST(Mglru, Walks_once_while_a_fifth_of_the_frames_leave_or_more) {
  Driver<Mglru> driver(1500, 1000, MglruKnobs{});
  for (int round = 0; round < 20; ++round) driver.scan(0, 1500);
  EXPECT_LT(driver.policy().walks(), 20U * 1500 / 200);
  EXPECT_GT(driver.policy().walks(), 20U * 1500 / 1000);
}

TEST(Mglru, Has_never_fewer_than_two_generations_nor_more_than_it_may) {
  for (const std::size_t most : {3U, 4U, 8U}) {
    Driver<Mglru> driver(400, 50, MglruKnobs{.generations = most});
    Rng rng(6);
    for (int i = 0; i < 20000; ++i) {
      driver.reference(static_cast<PageNumber>(rng.chance(0.7) ? rng.below(30) : rng.below(400)));
      ASSERT_GE(driver.policy().generations(), most - 2);
      ASSERT_LE(driver.policy().generations(), most);
      for (const PageNumber page : driver.resident())
        ASSERT_LT(driver.policy().age_of(page), driver.policy().generations());
    }
  }
}

// New pages come to the youngest generation: as good as LRU beside a scan, and not better.
TEST(Mglru, Keeps_about_as_much_of_a_hot_set_as_lru_and_more_than_fifo_and_without_walks) {
  const PageTrace trace = hot_and_scan_trace(200000, 1000, 0.33, Rng(4));
  const std::uint64_t mglru = hot_faults_of("mglru", trace, 2000);
  EXPECT_LT(mglru, hot_faults_of("lru", trace, 2000));
  EXPECT_LT(3 * mglru, hot_faults_of("fifo", trace, 2000));
  EXPECT_LT(3 * mglru, 2 * hot_faults_of("mglru(walk_page_tables=false)", trace, 2000));
}

}  // namespace
}  // namespace brim::thrash::model
