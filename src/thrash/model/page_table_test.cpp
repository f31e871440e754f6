// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/page_table.h"

#include "thrash/model/replacement_table.h"

#include <algorithm>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

TEST(PageTableTest,
     Lists_a_watched_page_when_its_referenced_bit_is_cleared_and_watches_it_no_more) {
  PageTable table(3);
  std::vector<PageNumber> cleared;
  table.list_cleared(&cleared);
  for (PageNumber page = 0; page < 3; ++page) table.set_referenced(page);
  table.watch(1);
  for (PageNumber page = 0; page < 3; ++page) table.clear_referenced(page);
  EXPECT_EQ(cleared, std::vector<PageNumber>{1});
  EXPECT_EQ(table.clears(), 3U);
  EXPECT_FALSE(table.referenced(1));
  table.clear_referenced(1);
  EXPECT_EQ(cleared.size(), 1U);
}

TEST(PageTableTest, Lists_a_page_that_is_written_back_whether_watched_or_not) {
  PageTable table(2);
  std::vector<PageNumber> cleared;
  table.list_cleared(&cleared);
  table.watch(1);
  for (const PageNumber page : {0U, 1U}) {
    table.note(page, Access::write);
    table.write_back(page);
  }
  EXPECT_EQ(cleared, (std::vector<PageNumber>{0, 1}));
  EXPECT_EQ(table.clears(), 2U);
}

TEST(PageTableTest, Keeps_the_last_pages_that_come) {
  PageTable table(100);
  table.will_look_at(7);
  EXPECT_EQ(std::ranges::count(table.take_coming(), 7U), 1);
  EXPECT_TRUE(table.take_coming().empty());
  for (PageNumber page = 0; page < 100; ++page) table.will_look_at(page);
  EXPECT_EQ(std::ranges::count(table.take_coming(), 99U), 1);
}

// A full memory, and a thousand pages that come to it one by one.
TEST(PageTableTest, Some_policies_say_ahead_of_most_pages_that_they_will_leave) {
  constexpr PageNumber kFrames = 200;
  constexpr PageNumber kPages = kFrames + 1000;
  for (const char* name : {"clock", "lau", "linux-two-list", "mglru"}) {
    PageTable table(kPages);
    const ReplacementPolicy* policy = find_policy(name);
    ASSERT_NE(policy, nullptr) << name;
    const auto replacement =
        policy->make(table, kFrames, study::Settings(policy->family.parameters), Rng(1));
    for (PageNumber page = 0; page < kFrames; ++page) replacement->load(page, Access::read);
    std::set<PageNumber> said;
    std::size_t said_before = 0;
    for (PageNumber page = kFrames; page < kPages; ++page) {
      said_before += said.erase(replacement->victim());
      const auto coming = table.take_coming();
      said.insert(coming.begin(), coming.end());
      replacement->load(page, Access::read);
    }
    EXPECT_GT(said_before, 500U) << name;
  }
}

}  // namespace
}  // namespace brim::thrash::model
