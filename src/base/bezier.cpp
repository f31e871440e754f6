// SPDX-License-Identifier: Apache-2.0
#include "base/bezier.h"

#include "base/result.h"

#include <cmath>

namespace brim {
namespace {

// ln C(n, k) for each k up to n.
std::vector<double> log_binomials(std::size_t n) {
  std::vector<double> logs(n + 1, 0);
  for (std::size_t k = 1; k <= n; ++k)
    logs[k] =
        logs[k - 1] + std::log(static_cast<double>(n - k + 1)) - std::log(static_cast<double>(k));
  return logs;
}

// 0 < t < 1. The weights' sum is 1 but for rounding, which is divided out: what is even stays so.
PlanePoint curve_at(std::span<const PlanePoint> points, const std::vector<double>& binomials,
                    double t) {
  const auto degree = static_cast<double>(points.size() - 1);
  const double forward = std::log(t);
  const double back = std::log1p(-t);
  PlanePoint at;
  double all = 0;
  for (std::size_t k = 0; k < points.size(); ++k) {
    const auto from_start = static_cast<double>(k);
    const double weight =
        std::exp(binomials[k] + from_start * forward + (degree - from_start) * back);
    at.x += weight * points[k].x;
    at.y += weight * points[k].y;
    all += weight;
  }
  return {at.x / all, at.y / all};
}

}  // namespace

std::vector<PlanePoint> bezier(std::span<const PlanePoint> points, std::size_t places) {
  BRIM_ASSERT(places >= 2);
  if (points.size() < 2) return {points.begin(), points.end()};
  const std::vector<double> binomials = log_binomials(points.size() - 1);
  std::vector<PlanePoint> curve;
  curve.reserve(places);
  curve.push_back(points.front());
  for (std::size_t i = 1; i + 1 < places; ++i)
    curve.push_back(
        curve_at(points, binomials, static_cast<double>(i) / static_cast<double>(places - 1)));
  curve.push_back(points.back());
  return curve;
}

}  // namespace brim
