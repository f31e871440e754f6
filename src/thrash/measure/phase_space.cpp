// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/phase_space.h"

#include "base/result.h"
#include "base/stats.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace brim::thrash {
namespace {

constexpr int kCellsASide = 16;
constexpr double kCellWidth = 2.0 / kCellsASide;  // differences are from -1 to 1
constexpr double kLeastExpected = 5;              // of a cell, for the test to hold (Cochran 1954)

double length_within(double low, double high, double least, double most) {
  return std::max(0.0, std::min(high, most) - std::max(low, least));
}

std::size_t cell_of(double difference) {
  const auto cell = static_cast<int>((difference + 1) / kCellWidth);
  return static_cast<std::size_t>(std::clamp(cell, 0, kCellsASide - 1));
}

using Counts = std::array<std::uint64_t, static_cast<std::size_t>(kCellsASide* kCellsASide)>;

// Runs of three times the delay, cut into threes: each value once.
std::size_t count_cells(std::span<const double> values, std::size_t delay, Counts& counts) {
  std::size_t points = 0;
  for (std::size_t block = 0; block + 3 * delay <= values.size(); block += 3 * delay)
    for (std::size_t i = block; i < block + delay; ++i) {
      const double x = values[i + delay] - values[i];
      const double y = values[i + 2 * delay] - values[i + delay];
      ++counts[cell_of(x) * kCellsASide + cell_of(y)];
      ++points;
    }
  return points;
}

}  // namespace

std::vector<PhasePoint> delayed_coordinates(std::span<const double> values, std::size_t delay) {
  BRIM_ASSERT(delay > 0);
  std::vector<PhasePoint> points;
  for (std::size_t i = 2 * delay; i < values.size(); ++i)
    points.push_back({values[i - delay] - values[i - 2 * delay], values[i] - values[i - delay]});
  return points;
}

// With b the middle one of three uniform values, x is uniform in [b - 1, b) and y in [-b, 1 - b),
// independent of each other. The share is the integral over b of the product of two lengths, each
// linear between its corners: Simpson's rule is exact from corner to corner.
double expected_share(double x, double y, double width) {
  std::array<double, 10> corners{0,  1,          x,     x + width,    x + 1, x + width + 1,
                                 -y, -y - width, 1 - y, 1 - y - width};
  for (double& corner : corners) corner = std::clamp(corner, 0.0, 1.0);
  std::sort(corners.begin(), corners.end());
  const auto product = [&](double b) {
    return length_within(x, x + width, b - 1, b) * length_within(y, y + width, -b, 1 - b);
  };
  double share = 0;
  for (std::size_t i = 0; i + 1 < corners.size(); ++i) {
    const double from = corners[i];
    const double until = corners[i + 1];
    share +=
        (until - from) / 6 * (product(from) + 4 * product((from + until) / 2) + product(until));
  }
  return share;
}

std::optional<PhaseSpaceTest> test_phase_space(std::span<const double> values, std::size_t delay) {
  BRIM_ASSERT(delay > 0);
  if (values.size() < kLeastValues || values.size() < 3 * delay) return std::nullopt;
  Counts counts{};
  PhaseSpaceTest test;
  test.points = count_cells(values, delay, counts);
  // Cells of which little is expected are one: those at the corners, which nothing can be in, too.
  double rest_expected = 0;
  double rest_seen = 0;
  std::size_t cells = 0;
  const auto add = [&](double expected, double seen) {
    test.chi_squared += (seen - expected) * (seen - expected) / expected;
    ++cells;
  };
  const auto edge = [](std::size_t cell) { return -1 + kCellWidth * static_cast<double>(cell); };
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const std::size_t row = i / kCellsASide;
    const double share = expected_share(edge(row), edge(i % kCellsASide), kCellWidth);
    const double expected = share * static_cast<double>(test.points);
    const auto seen = static_cast<double>(counts[i]);
    if (expected >= kLeastExpected) {
      add(expected, seen);
    } else {
      rest_expected += expected;
      rest_seen += seen;
    }
  }
  if (rest_expected > 0) add(rest_expected, rest_seen);
  test.degrees_of_freedom = static_cast<double>(cells - 1);
  test.p_value = chi_squared_upper_tail(test.chi_squared, test.degrees_of_freedom);
  return test;
}

bool looks_random(const PhaseSpaceTest& test) {
  return test.p_value >= kSuspiciousP && test.p_value <= 1 - kSuspiciousP;
}

}  // namespace brim::thrash
