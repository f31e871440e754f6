// SPDX-License-Identifier: Apache-2.0
#include "base/bezier.h"

#include "base/rng.h"

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

namespace brim {
namespace {

using Points = std::vector<PlanePoint>;

Points noise(std::size_t n, std::uint64_t seed) {
  Rng rng(seed);
  Points points;
  for (std::size_t i = 0; i < n; ++i) points.push_back({static_cast<double>(i), rng.uniform()});
  return points;
}

// Of (0,0), (1,2), (2,0): B(t) = (2t, 4t(1-t)).
TEST(Bezier, Three_points_by_hand) {
  const Points curve = bezier(Points{{0, 0}, {1, 2}, {2, 0}}, 5);
  ASSERT_EQ(curve.size(), 5U);
  const double expected[5][2] = {{0, 0}, {0.5, 0.75}, {1, 1}, {1.5, 0.75}, {2, 0}};
  for (std::size_t i = 0; i < curve.size(); ++i) {
    EXPECT_NEAR(curve[i].x, expected[i][0], 1e-12) << i;
    EXPECT_NEAR(curve[i].y, expected[i][1], 1e-12) << i;
  }
}

// Of four control points, at a third: weights 8/27, 12/27, 6/27, 1/27.
TEST(Bezier, Four_points_by_hand) {
  const Points curve = bezier(Points{{0, 1}, {0, 4}, {3, 4}, {3, 1}}, 4);
  EXPECT_NEAR(curve[1].x, 7.0 / 9, 1e-12);
  EXPECT_NEAR(curve[1].y, 1 + 3 * 18.0 / 27, 1e-12);
}

TEST(Bezier, Two_points_are_a_line_and_fewer_come_back) {
  const Points line = bezier(Points{{0, 1}, {10, 3}}, 3);
  EXPECT_NEAR(line[1].x, 5, 1e-12);
  EXPECT_NEAR(line[1].y, 2, 1e-12);
  EXPECT_EQ(bezier(Points{{4, 7}}).size(), 1U);
  EXPECT_TRUE(bezier(Points{}).empty());
}

TEST(Bezier, Two_thousand_points_keep_their_ends_and_stay_within_them) {
  const Points points = noise(2000, 3);
  const Points curve = bezier(points, 200);
  ASSERT_EQ(curve.size(), 200U);
  EXPECT_EQ(curve.front().y, points.front().y);
  EXPECT_EQ(curve.back().y, points.back().y);
  for (std::size_t i = 1; i + 1 < curve.size(); ++i) {
    EXPECT_GT(curve[i].x, curve[i - 1].x);
    // Far inside the hull: a mean of dozens of neighbours.
    EXPECT_NEAR(curve[i].y, 0.5, 0.35) << i;
  }
}

TEST(Bezier, A_line_of_two_thousand_points_stays_a_line) {
  Points points;
  for (int i = 0; i < 2000; ++i) points.push_back({i * 1.0, 5 - 0.01 * i});
  for (const PlanePoint& at : bezier(points)) EXPECT_NEAR(at.y, 5 - 0.01 * at.x, 1e-9);
}

TEST(Bezier, The_same_backwards_is_the_same_curve) {
  Points points = noise(300, 5);
  const Points there = bezier(points, 50);
  std::reverse(points.begin(), points.end());
  const Points back = bezier(points, 50);
  for (std::size_t i = 0; i < there.size(); ++i)
    EXPECT_NEAR(there[i].y, back[back.size() - 1 - i].y, 1e-9);
}

// In the middle of n points the weights are nearly normal, with a deviation of sqrt(n) / 2.
TEST(Bezier, A_single_spike_is_lowered_as_the_normal_density_says) {
  constexpr std::size_t kPoints = 1001;
  Points points;
  for (std::size_t i = 0; i < kPoints; ++i)
    points.push_back({static_cast<double>(i), i == kPoints / 2 ? 1.0 : 0.0});
  const double sd = std::sqrt(static_cast<double>(kPoints - 1)) / 2;
  const Points curve = bezier(points, 3);
  EXPECT_NEAR(curve[1].y * sd * std::sqrt(2 * 3.141592653589793), 1, 0.01);
}

}  // namespace
}  // namespace brim
