// SPDX-License-Identifier: Apache-2.0
#include "base/rng.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <map>
#include <set>
#include <vector>

#include <gtest/gtest.h>

namespace brim {
namespace {

// Second, separate transcriptions of the authors' public-domain C code (prng.di.unimi.it), held
// against published outputs; Rng is then held against them.
struct ReferenceSplitMix {
  std::uint64_t x;
  std::uint64_t next() {
    std::uint64_t z = (x += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
};

struct ReferenceXoshiro {
  std::array<std::uint64_t, 4> s;
  std::uint64_t next() {
    const std::uint64_t result = std::rotl(s[1] * 5, 7) * 9;
    const std::uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = std::rotl(s[3], 45);
    return result;
  }
};

TEST(Rng, Reference_generators_give_their_published_vectors) {
  ReferenceSplitMix mix{1234567};
  for (const std::uint64_t expected :
       {6457827717110365317ULL, 3203168211198807973ULL, 9817491932198370423ULL,
        4593380528125082431ULL, 16408922859458223821ULL})
    EXPECT_EQ(mix.next(), expected);
  ReferenceXoshiro xoshiro{{1, 2, 3, 4}};
  for (const std::uint64_t expected :
       {11520ULL, 0ULL, 1509978240ULL, 1215971899390074240ULL, 1216172134540287360ULL,
        607988272756665600ULL, 16172922978634559625ULL, 8476171486693032832ULL,
        10595114339597558777ULL, 2904607092377533576ULL})
    EXPECT_EQ(xoshiro.next(), expected);
}

TEST(Rng, Is_xoshiro256_starstar_seeded_through_splitmix64) {
  for (const std::uint64_t seed : {0ULL, 1ULL, 42ULL, ~0ULL}) {
    ReferenceSplitMix mix{seed};
    ReferenceXoshiro reference{};
    for (std::uint64_t& word : reference.s) word = mix.next();
    Rng rng(seed);
    for (int i = 0; i < 1000; ++i) ASSERT_EQ(rng.next(), reference.next()) << "seed " << seed;
  }
}

TEST(Rng, Gives_the_published_draws_of_seed_0) {
  Rng rng(0);
  EXPECT_EQ(rng.next(), 0x99ec5f36cb75f2b4ULL);
  EXPECT_EQ(rng.next(), 0xbf6e1f784956452aULL);
  EXPECT_EQ(rng.next(), 0x1a5f849d4933e6e0ULL);
}

// Chi-square of equal cells; 5 standard deviations above the mean is a fault, not chance.
void expect_even(const std::vector<int>& counts, int draws) {
  const double expected = static_cast<double>(draws) / static_cast<double>(counts.size());
  double chi_square = 0;
  for (const int count : counts) chi_square += (count - expected) * (count - expected) / expected;
  const auto degrees = static_cast<double>(counts.size() - 1);
  EXPECT_LE(chi_square, degrees + 5 * std::sqrt(2 * degrees));
}

TEST(Rng, Below_stays_below_and_is_even) {
  for (const std::uint64_t bound : {1ULL, 2ULL, 3ULL, 7ULL, 10ULL, 100ULL}) {
    Rng rng(bound);
    std::vector<int> counts(bound);
    constexpr int kDraws = 100'000;
    for (int i = 0; i < kDraws; ++i) {
      const std::uint64_t drawn = rng.below(bound);
      ASSERT_LT(drawn, bound);
      ++counts[drawn];
    }
    expect_even(counts, kDraws);
  }
}

// With a bound of 3/4 of 2^64, taking a remainder, or multiplying without rejection, gives some
// results twice as often as others; a third of the range then holds half of the draws.
TEST(Rng, Below_has_no_bias_where_a_careless_method_has_the_most) {
  constexpr std::uint64_t kBound = 3ULL << 62;
  Rng rng(5);
  std::vector<int> by_remainder(3);  // multiplication without rejection favours one class
  std::vector<int> by_third(3);      // the remainder method favours the first third
  constexpr int kDraws = 60'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t drawn = rng.below(kBound);
    ASSERT_LT(drawn, kBound);
    ++by_remainder[drawn % 3];
    ++by_third[drawn / (kBound / 3)];
  }
  expect_even(by_remainder, kDraws);
  expect_even(by_third, kDraws);
}

TEST(Rng, Below_reaches_the_largest_bounds) {
  Rng rng(6);
  for (int i = 0; i < 100; ++i) EXPECT_LT(rng.below(~0ULL), ~0ULL);
}

TEST(RngDeathTest, Below_zero_is_a_bug_of_the_caller) {
  Rng rng(1);
  EXPECT_DEATH((void)rng.below(0), "a bug in brim");
}

TEST(Rng, Uniform_is_in_its_range_and_even) {
  Rng rng(7);
  std::vector<int> counts(64);
  constexpr int kDraws = 200'000;
  for (int i = 0; i < kDraws; ++i) {
    const double drawn = rng.uniform();
    ASSERT_GE(drawn, 0);
    ASSERT_LT(drawn, 1);
    ++counts[static_cast<std::size_t>(drawn * 64)];
  }
  expect_even(counts, kDraws);
}

TEST(Rng, Chance_of_0_never_happens_and_of_1_always) {
  Rng rng(8);
  int happened = 0;
  for (int i = 0; i < 10'000; ++i) {
    EXPECT_FALSE(rng.chance(0));
    EXPECT_TRUE(rng.chance(1));
    happened += rng.chance(0.25) ? 1 : 0;
  }
  EXPECT_NEAR(happened, 2500, 5 * std::sqrt(10'000 * 0.25 * 0.75));
}

TEST(Rng, Shuffle_makes_every_order_equally_often) {
  Rng rng(9);
  std::map<std::vector<int>, int> orders;
  constexpr int kDraws = 48'000;
  for (int i = 0; i < kDraws; ++i) {
    std::vector<int> items = {1, 2, 3, 4};
    rng.shuffle(std::span<int>(items));
    ++orders[items];
  }
  ASSERT_EQ(orders.size(), 24U);
  std::vector<int> counts;
  counts.reserve(orders.size());
  for (const auto& [order, count] : orders) counts.push_back(count);
  expect_even(counts, kDraws);
}

TEST(Rng, Shuffle_of_nothing_or_one_draws_nothing) {
  Rng rng(10);
  std::vector<int> one = {5};
  rng.shuffle(std::span<int>());
  rng.shuffle(std::span<int>(one));
  EXPECT_EQ(rng.next(), Rng(10).next());
}

TEST(RngSplit, Does_not_depend_on_draws_made_before) {
  Rng rng(1);
  const std::uint64_t early = rng.split("guest").next();
  for (int i = 0; i < 17; ++i) (void)rng.next();
  (void)rng.split("another");
  EXPECT_EQ(rng.split("guest").next(), early);
}

TEST(RngSplit, Does_not_move_the_stream_it_comes_from) {
  Rng plain(1);
  Rng split_often(1);
  for (int i = 0; i < 100; ++i) {
    (void)split_often.split("x", static_cast<std::uint64_t>(i));
    EXPECT_EQ(plain.next(), split_often.next());
  }
}

TEST(RngSplit, Depends_on_the_seed_the_name_and_the_number) {
  std::set<std::uint64_t> firsts;
  std::size_t streams = 0;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const Rng rng(seed);
    for (const std::string_view name : {"", "a", "b", "ab", "ba", "aa", "worker", "workers"}) {
      firsts.insert(rng.split(name).next());
      ++streams;
      for (std::uint64_t number = 0; number < 50; ++number, ++streams)
        firsts.insert(rng.split(name, number).next());
    }
    firsts.insert(Rng(seed).next());
    ++streams;
  }
  EXPECT_EQ(firsts.size(), streams);
}

// Seeds and names that differ in the same bits once gave the same stream.
TEST(RngSplit, Small_seeds_and_short_names_do_not_cancel) {
  EXPECT_NE(Rng(0).split("a").next(), Rng(3).split("b").next());
  EXPECT_NE(Rng(1).split("x", 2).next(), Rng(2).split("x", 1).next());
}

TEST(RngSplit, Names_nest_without_meeting) {
  const Rng rng(1);
  EXPECT_NE(rng.split("a").split("b").next(), rng.split("b").split("a").next());
  EXPECT_NE(rng.split("a").split("b").next(), rng.split("ab").next());
}

// Two streams are independent if their exclusive or is as random as either: half of the bits set.
TEST(RngSplit, Neighbouring_streams_are_not_correlated) {
  const Rng rng(77);
  constexpr int kDraws = 20'000;
  const double spread = std::sqrt(64.0 * kDraws) / 2;
  for (std::uint64_t number = 0; number < 8; ++number) {
    Rng one = rng.split("worker", number);
    Rng other = rng.split("worker", number + 1);
    int bits = 0;
    for (int i = 0; i < kDraws; ++i) bits += std::popcount(one.next() ^ other.next());
    EXPECT_NEAR(bits, 32.0 * kDraws, 5 * spread);
  }
}

}  // namespace
}  // namespace brim
