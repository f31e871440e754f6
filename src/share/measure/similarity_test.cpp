// SPDX-License-Identifier: Apache-2.0
#include "share/measure/similarity.h"

#include "share/measure/test_pages.h"

#include <array>
#include <memory>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

TEST(BlockHasher, Uses_two_different_aligned_blocks_that_the_seed_decides) {
  bool differ = false;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const BlockHasher hasher{Rng(seed)};
    EXPECT_NE(hasher.offset(0), hasher.offset(1));
    for (const unsigned block : {0U, 1U}) {
      EXPECT_EQ(hasher.offset(block) % kSimilarityBlockBytes, 0U);
      EXPECT_LT(hasher.offset(block), kPageSize);
    }
    differ = differ || hasher.offset(0) != BlockHasher(Rng(0)).offset(0);
  }
  EXPECT_TRUE(differ);
}

TEST(BlockHasher, Any_byte_of_a_block_changes_its_hash_and_no_byte_outside_does) {
  Rng rng(7);
  const BlockHasher hasher{Rng(8)};
  const TestPage page = random_page(rng);
  const auto before = hasher.hash(page);
  for (std::size_t at = 0; at < kPageSize; ++at) {
    TestPage changed = page;
    changed[at] ^= std::byte{1};
    const auto after = hasher.hash(changed);
    for (unsigned block = 0; block < kSimilarityBlocks; ++block) {
      const bool inside =
          at >= hasher.offset(block) && at < hasher.offset(block) + kSimilarityBlockBytes;
      ASSERT_EQ(after[block] != before[block], inside) << "byte " << at;
      ASSERT_EQ(hasher.same_block(block, page, changed), !inside);
    }
  }
}

using Place = ReferenceTable::Place;

TEST(ReferenceTable, Keeps_the_highest_priority_of_a_hash_whatever_the_order) {
  for (const bool reversed : {false, true}) {
    ReferenceTable table(1);
    std::vector<std::pair<std::uint8_t, PageLocation>> offers = {{3, {.subject = 1, .page = 10}},
                                                                 {9, {.subject = 2, .page = 20}},
                                                                 {5, {.subject = 3, .page = 30}}};
    if (reversed) std::swap(offers.front(), offers.back());
    const Place place{.bucket = 4, .tag = 7};
    for (const auto& [priority, location] : offers) table.offer(place, priority, location);
    EXPECT_EQ(table.find(place), (PageLocation{.subject = 2, .page = 20}));
    EXPECT_FALSE(table.find({.bucket = 4, .tag = 8}).has_value());
  }
}

TEST(ReferenceTable, Keeps_the_eight_hashes_of_highest_priority_whatever_the_order) {
  Rng rng(10);
  for (int round = 0; round < 50; ++round) {
    // Twelve hashes with three pages each: of priority 10 n, and lower.
    std::vector<std::pair<std::uint8_t, std::uint8_t>> offers;
    for (std::uint8_t tag = 1; tag <= 12; ++tag)
      for (std::uint8_t below = 0; below < 3; ++below)
        offers.emplace_back(tag, static_cast<std::uint8_t>(10 * tag - 4 * below));
    rng.shuffle(std::span(offers));
    ReferenceTable table(1);
    for (const auto& [tag, priority] : offers)
      table.offer({.bucket = 3, .tag = tag}, priority, {.subject = 1, .page = priority});
    for (std::uint8_t tag = 1; tag <= 12; ++tag) {
      const auto kept = table.find({.bucket = 3, .tag = tag});
      ASSERT_EQ(kept.has_value(), tag > 4) << int{tag};
      if (kept.has_value()) {
        EXPECT_EQ(kept->page, 10U * tag);
      }
    }
  }
}

TEST(ReferenceTable, Is_empty_at_first_and_holds_a_page_at_zero_of_priority_zero) {
  ReferenceTable table(100);
  EXPECT_FALSE(table.find({}).has_value());
  table.offer({}, 0, {.subject = 0, .page = 0});
  EXPECT_EQ(table.find({}), (PageLocation{.subject = 0, .page = 0}));
}

TEST(ReferenceTable, Leaves_out_locations_that_do_not_fit) {
  ReferenceTable table(100);
  table.offer({}, 9, {.subject = 4096, .page = 1});
  table.offer({}, 9, {.subject = 1, .page = 1ULL << 36});
  EXPECT_FALSE(table.find({}).has_value());
  const PageLocation last{.subject = 4095, .page = (1ULL << 36) - 1};
  table.offer({}, 9, last);
  EXPECT_EQ(table.find({}), last);
}

TEST(ReferenceTable, Places_of_any_hash_are_within_the_table_and_of_their_block) {
  const ReferenceTable table(5000);
  Rng rng(9);
  const std::uint64_t buckets = table.memory_bytes() / 64;
  for (int i = 0; i < 10000; ++i) {
    const std::uint64_t hash = rng.next();
    EXPECT_LT(table.place(0, hash).bucket, buckets / 2);
    EXPECT_GE(table.place(1, hash).bucket, buckets / 2);
    EXPECT_LT(table.place(1, hash).bucket, buckets);
  }
  EXPECT_LT(table.place(1, ~0ULL).bucket, buckets);
}

TEST(ReferenceTable, Threads_that_offer_at_once_leave_what_one_thread_leaves) {
  ReferenceTable alone(1000);
  ReferenceTable together(1000);
  const auto offer = [](ReferenceTable& table, std::uint32_t subject) {
    Rng rng = Rng(11).split("subject", subject);
    for (std::uint64_t page = 0; page < 20000; ++page) {
      const Place place{.bucket = rng.below(200), .tag = static_cast<std::uint8_t>(rng.below(16))};
      table.offer(place, static_cast<std::uint8_t>(rng.below(256)),
                  {.subject = subject, .page = page});
    }
  };
  for (std::uint32_t subject = 0; subject < 3; ++subject) offer(alone, subject);
  std::vector<std::jthread> threads;
  for (std::uint32_t subject = 0; subject < 3; ++subject) {
    threads.emplace_back([&, subject] { offer(together, subject); });
  }
  threads.clear();
  for (std::size_t bucket = 0; bucket < 200; ++bucket)
    for (std::uint8_t tag = 0; tag < 16; ++tag)
      EXPECT_EQ(alone.find({.bucket = bucket, .tag = tag}),
                together.find({.bucket = bucket, .tag = tag}));
}

TEST(ReferenceTable, Forgets_a_shared_block_as_often_as_the_header_says) {
  // As many contents as expected, all unlike, but for pairs that share a block.
  constexpr std::uint64_t kContents = 400'000;
  constexpr std::uint64_t kPairs = 20'000;
  ReferenceTable table(kContents);
  Rng rng(12);
  const auto priority = [&rng] { return static_cast<std::uint8_t>(rng.below(256)); };
  for (std::uint64_t page = 0; page < kContents - 2 * kPairs; ++page) {
    table.offer(table.place(0, rng.next()), priority(), {.subject = 0, .page = page});
  }
  std::vector<Place> places;
  for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
    places.push_back(table.place(0, rng.next()));
    table.offer(places.back(), priority(), {.subject = 1, .page = 2 * pair});
    table.offer(places.back(), priority(), {.subject = 1, .page = 2 * pair + 1});
  }
  std::uint64_t lost = 0;
  for (std::uint64_t pair = 0; pair < kPairs; ++pair) {
    const auto kept = table.find(places[pair]);
    if (!kept || kept->subject != 1 || kept->page / 2 != pair) ++lost;
  }
  EXPECT_NEAR(static_cast<double>(lost) / kPairs, 0.008, 0.003);
}

}  // namespace
}  // namespace brim::share
