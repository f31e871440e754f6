// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/miss_ratio_curves.h"

#include "base/threads.h"
#include "thrash/model/sampled_curve.h"

#include <algorithm>
#include <atomic>
#include <cmath>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

constexpr std::size_t kExactSizes = 400;
constexpr std::size_t kSampledSizes = 40;

// From 1 to all pages, each the same factor above the last as far as whole numbers allow, and those
// asked for: sorted.
std::vector<std::size_t> sizes_for(const CurvesQuestion& question, std::size_t count) {
  const std::size_t pages = question.trace.pages;
  std::vector<std::size_t> sizes;
  for (std::size_t i = 0; i < count; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(count - 1);
    sizes.push_back(
        static_cast<std::size_t>(std::lround(std::pow(static_cast<double>(pages), share))));
  }
  for (const FrameCount& asked : question.frames) sizes.push_back(std::min(asked.of(pages), pages));
  std::ranges::sort(sizes);
  const auto repeated = std::ranges::unique(sizes);
  sizes.erase(repeated.begin(), repeated.end());
  return sizes;
}

Curve exact_curve(const CurvesQuestion& question, const std::vector<std::uint64_t>& faults,
                  std::string_view method) {
  Curve curve;
  curve.method = method;
  for (const std::size_t frames : sizes_for(question, kExactSizes)) {
    curve.frames.push_back(frames);
    curve.miss_ratio.push_back(static_cast<double>(faults[frames - 1]) /
                               static_cast<double>(question.trace.references.size()));
  }
  return curve;
}

Result<Curve> sampled_curve(const CurvesQuestion& question, const ChosenPolicy& policy,
                            const Cancel& cancel) {
  const SamplingKnobs knobs{.rate = question.sample};
  BRIM_TRY(const auto estimates,
           sampled_miss_ratios(question.trace, policy, sizes_for(question, kSampledSizes), knobs,
                               Rng(question.seed), cancel));
  Curve curve;
  curve.method = fmt::format(
      "estimated from {} samples of {} of the pages (SHARDS, miniature simulations), at least {} "
      "frames each; 95 % intervals of the sampling",
      knobs.samples, knobs.rate, knobs.least_frames);
  for (const SampledMissRatio& estimate : estimates) {
    curve.frames.push_back(estimate.frames);
    curve.miss_ratio.push_back(estimate.miss_ratio);
    curve.interval.push_back({estimate.low, estimate.high});
  }
  return curve;
}

Result<Curve> curve_of(const CurvesQuestion& question, const ChosenPolicy& policy,
                       const Cancel& cancel) {
  const ExactCurve& exact = policy.policy->exact_curve;
  if (exact.faults == nullptr) return sampled_curve(question, policy, cancel);
  return exact_curve(question, exact.faults(question.trace, cancel), exact.method);
}

}  // namespace

Result<std::vector<Curve>> miss_ratio_curves(const CurvesQuestion& question, Progress& progress,
                                             const Cancel& cancel) {
  std::vector<Result<Curve>> drawn(question.policies.size(), Curve{});
  std::atomic<std::size_t> next{0};
  run_on_threads(question.threads, [&](unsigned) {
    for (std::size_t i = next++; i < drawn.size() && !cancel.requested(); i = next++) {
      drawn[i] = curve_of(question, question.policies[i], cancel);
      progress.advance(1);
    }
  });
  if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");
  std::vector<Curve> curves;
  for (std::size_t i = 0; i < drawn.size(); ++i) {
    BRIM_TRY(curves.emplace_back(), std::move(drawn[i]));
    curves.back().policy = question.policies[i].words;
  }
  return curves;
}

}  // namespace brim::thrash::model
