// SPDX-License-Identifier: Apache-2.0
#pragma once
// Smoothing by a Bezier curve, as gnuplot's `smooth bezier` does it: n points are the control
// points of one curve of degree n - 1 (Bernstein polynomials; Farin: Curves and Surfaces for CAGD,
// 2002), drawn through as many places as asked, even in the curve's parameter.
//
// The curve begins at the first point and ends at the last, stays within the points' hull, and
// keeps what lies on a line there. It shows a trend: of n samples each place is a mean of some
// sqrt(n) neighbours, and a peak of fewer is much lowered. Only curves smoothed alike can be
// compared.

#include <cstddef>
#include <span>
#include <vector>

namespace brim {

// gnuplot's own default (`set samples`).
inline constexpr std::size_t kBezierPlaces = 100;

struct PlanePoint {
  double x = 0;
  double y = 0;
};

// At least two places. Fewer than two points come back as they are. Good for any number of points:
// weights are made from logarithms, as the binomials of 2,000 points are beyond any double.
[[nodiscard]] std::vector<PlanePoint> bezier(std::span<const PlanePoint> points,
                                             std::size_t places = kBezierPlaces);

}  // namespace brim
