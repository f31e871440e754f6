// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/phase_space.h"

#include "base/rng.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash {
namespace {

constexpr std::size_t kValues = 300'000;

std::vector<double> drawn(const std::function<double()>& next) {
  std::vector<double> values(kValues);
  for (double& value : values) value = next();
  return values;
}

// x' = multiplier * x + 12345 modulo a power of 2, all of its bits used.
std::vector<double> congruential(std::uint64_t multiplier, unsigned bits) {
  std::uint64_t state = 1;
  return drawn([&] {
    state = (multiplier * state + 12345) & ((1ULL << bits) - 1);
    return static_cast<double>(state) / static_cast<double>(1ULL << bits);
  });
}

bool random_at_all_delays(const std::vector<double>& values) {
  for (const std::size_t delay : {1U, 2U, 3U, 7U, 100U})
    if (!looks_random(*test_phase_space(values, delay))) return false;
  return true;
}

TEST(PhaseSpace, Delayed_coordinates_of_five_values_by_hand) {
  const std::vector<double> values{0.1, 0.4, 0.2, 0.9, 0.5};
  const auto near = delayed_coordinates(values, 1);
  ASSERT_EQ(near.size(), 3U);
  EXPECT_NEAR(near[0].x, 0.3, 1e-12);
  EXPECT_NEAR(near[0].y, -0.2, 1e-12);
  EXPECT_NEAR(near[2].x, 0.7, 1e-12);
  EXPECT_NEAR(near[2].y, -0.4, 1e-12);
  const auto far = delayed_coordinates(values, 2);
  ASSERT_EQ(far.size(), 1U);
  EXPECT_NEAR(far[0].x, 0.1, 1e-12);
  EXPECT_NEAR(far[0].y, 0.3, 1e-12);
  EXPECT_TRUE(delayed_coordinates(values, 3).empty());
}

TEST(PhaseSpace, Expected_shares_add_up_and_are_right_at_places_known_by_hand) {
  double sum = 0;
  for (int x = -8; x < 8; ++x)
    for (int y = -8; y < 8; ++y) sum += expected_share(x / 8.0, y / 8.0, 1 / 8.0);
  EXPECT_NEAR(sum, 1, 1e-12);
  // Both rise: three values in ascending order, one of six orders.
  EXPECT_NEAR(expected_share(0, 0, 1), 1.0 / 6, 1e-12);
  EXPECT_NEAR(expected_share(-1, 0, 1), 1.0 / 3, 1e-12);
  // Two differences of more than a half each would be more than 1 in all.
  EXPECT_EQ(expected_share(0.5, 0.5, 0.5), 0);
}

TEST(PhaseSpace, Brim_s_own_generator_gives_a_cloud) {
  Rng rng(2009);
  EXPECT_TRUE(random_at_all_delays(drawn([&] { return rng.uniform(); })));
  Rng placed(5);
  const auto places = drawn([&] { return static_cast<double>(placed.below(25'600)) / 25'600; });
  EXPECT_TRUE(random_at_all_delays(places));
}

TEST(PhaseSpace, A_good_generator_is_seldom_taken_for_a_bad_one) {
  int suspicious = 0;
  double sum = 0;
  constexpr int kRuns = 60;
  for (int run = 0; run < kRuns; ++run) {
    Rng rng = Rng(77).split("run", static_cast<std::uint64_t>(run));
    std::vector<double> values(30'000);
    for (double& value : values) value = rng.uniform();
    const auto test = test_phase_space(values, 1);
    suspicious += looks_random(*test) ? 0 : 1;
    sum += test->p_value;
  }
  EXPECT_EQ(suspicious, 0);
  EXPECT_NEAR(sum / kRuns, 0.5, 4 * std::sqrt(1.0 / 12 / kRuns));
}

// glibc's, as the study's Linux had it: 31 bits, 128 bytes of state.
TEST(PhaseSpace, Linux_s_random_gives_a_cloud) {
  alignas(8) std::array<char, 128> state{};
  random_data data{};
  ASSERT_EQ(::initstate_r(1, state.data(), state.size(), &data), 0);
  const auto values = drawn([&] {
    std::int32_t one = 0;
    ::random_r(&data, &one);
    return static_cast<double>(one) / 2147483648.0;
  });
  EXPECT_TRUE(random_at_all_delays(values));
}

// rand() of Microsoft's C library: bits 16 to 30 of a congruential generator of 32.
TEST(PhaseSpace, Windows_s_rand_of_fifteen_bits_gives_a_cloud_though_it_reaches_32_KiB_only) {
  std::uint32_t state = 1;
  const auto values = drawn([&] {
    state = state * 214013U + 2531011U;
    return static_cast<double>((state >> 16) & 0x7fffU) / 32768.0;
  });
  EXPECT_TRUE(random_at_all_delays(values));
}

TEST(PhaseSpace, A_generator_of_few_bits_shows_as_an_attractor) {
  for (const unsigned bits : {8U, 10U, 12U}) {
    const auto test = test_phase_space(congruential(1'664'525, bits), 1);
    EXPECT_FALSE(looks_random(*test)) << bits << " bits, p = " << test->p_value;
  }
}

TEST(PhaseSpace, A_small_multiplier_shows_as_an_attractor_whatever_the_bits) {
  EXPECT_LT(test_phase_space(congruential(5, 40), 1)->p_value, 1e-9);
  // Far values of it are not as near each other: at another delay it may pass.
  EXPECT_TRUE(looks_random(*test_phase_space(congruential(6'364'136'223'846'793'005, 62), 1)));
}

TEST(PhaseSpace, A_sequence_that_is_too_even_is_suspicious_too) {
  // Halton's points in bases 2, 3 and 5: made to be more even than chance.
  std::vector<double> values;
  for (std::uint64_t i = 1; values.size() < kValues; ++i)
    for (const std::uint64_t base : {2U, 3U, 5U}) {
      double value = 0;
      double share = 1;
      for (std::uint64_t rest = i; rest > 0; rest /= base) {
        share /= static_cast<double>(base);
        value += share * static_cast<double>(rest % base);
      }
      values.push_back(value);
    }
  const auto test = test_phase_space(values, 1);
  EXPECT_GT(test->p_value, 1 - kSuspiciousP);
  EXPECT_FALSE(looks_random(*test));
}

TEST(PhaseSpace, Too_few_values_are_not_judged) {
  EXPECT_FALSE(test_phase_space(std::vector<double>(kLeastValues - 1), 1));
  EXPECT_FALSE(test_phase_space(std::vector<double>(kLeastValues), kLeastValues));
}

}  // namespace
}  // namespace brim::thrash
