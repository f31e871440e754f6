// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a generator of random numbers is good enough to place a benchmark's accesses: its values
// in delayed coordinates (Fraser & Swinney 1986), as Santos 2009 looked at those of four systems:
//   x_i = s_(i-t) - s_(i-2t)    y_i = s_i - s_(i-t)
// A good one gives a cloud; a poor one points of concentration, "attractors". What the study judged
// by eye is a chi-squared test here: over the cells of a grid, against what independent uniform
// values give. Each value is used in one point only, so that the points are independent, too.
//
// LIMIT: three values at one delay are looked at; relations of more of them, or between far ones,
// are not seen.

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

namespace brim::thrash {

struct PhasePoint {
  double x = 0;
  double y = 0;
};

// Of all values, for a plot: those from the third on at a delay of 1.
[[nodiscard]] std::vector<PhasePoint> delayed_coordinates(std::span<const double> values,
                                                          std::size_t delay);

struct PhaseSpaceTest {
  std::size_t points = 0;
  double chi_squared = 0;
  double degrees_of_freedom = 0;
  double p_value = 0;  // of as much or more, by chance
};

// Values in [0, 1); nothing for fewer than kLeastValues of them at that delay.
inline constexpr std::size_t kLeastValues = 10'000;
[[nodiscard]] std::optional<PhaseSpaceTest> test_phase_space(std::span<const double> values,
                                                             std::size_t delay);

// A cloud is neither more clustered nor more even than chance makes it: one good generator in 5,000
// is taken for a bad one.
inline constexpr double kSuspiciousP = 1e-4;
[[nodiscard]] bool looks_random(const PhaseSpaceTest& test);

// The share of points within [x, x + width) x [y, y + width) that independent uniform values give.
[[nodiscard]] double expected_share(double x, double y, double width);

}  // namespace brim::thrash
