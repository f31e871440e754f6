// SPDX-License-Identifier: Apache-2.0
#include "share/measure/estimate.h"

#include <algorithm>
#include <cmath>

namespace brim::share {
namespace {

// `low` and `high` are facts (what was seen can't be less); an interval within them still covers.
Interval within(Interval interval, double low, double high, double value) {
  interval.low = std::min(value, std::clamp(interval.low, low, std::max(low, high)));
  interval.high = std::max(value, std::clamp(interval.high, low, std::max(low, high)));
  return interval;
}

}  // namespace

double SampledSum::total(double p) const {
  return static_cast<double>(certain) + static_cast<double>(sampled) / p;
}

Interval score_interval(const SampledSum& sum, double p) {
  const double z = normal_quantile_two_sided(0.95);
  const double unit =
      sum.sampled > 0 ? static_cast<double>(sum.sampled_squares) / static_cast<double>(sum.sampled)
                      : 1.0;
  const double g = (1 - p) / p * unit;
  const double total = static_cast<double>(sum.sampled) / p;
  const double middle = total + z * z * g / 2;
  const double half = z * std::sqrt(g * total + z * z * g * g / 4);
  const auto certain = static_cast<double>(sum.certain);
  return Interval{certain + std::max(0.0, middle - half), certain + middle + half};
}

Savings savings_of(const ContentSums& sums, std::uint64_t pages, double p) {
  const auto used = static_cast<double>(pages);
  Savings out;
  if (p >= 1) {
    out.minimum.value = static_cast<double>(sums.contents.certain);
    out.intra.value = used - static_cast<double>(sums.memberships.certain);
    out.inter.value = static_cast<double>(sums.shared.certain);
    return out;
  }
  const auto distinct_seen = static_cast<double>(sums.contents.seen());
  const auto shared_seen = static_cast<double>(sums.shared.seen());
  const auto intra_seen = static_cast<double>(sums.copies_seen - sums.memberships.seen());

  // There can't be more memberships than pages not seen to be copies: shrink what was estimated.
  const double most = used - intra_seen - static_cast<double>(sums.memberships.certain);
  const double estimated = static_cast<double>(sums.memberships.sampled) / p;
  const double shrink = estimated > most ? most / estimated : 1.0;
  out.minimum.value = static_cast<double>(sums.contents.certain) +
                      shrink * static_cast<double>(sums.contents.sampled) / p;
  out.inter.value = static_cast<double>(sums.shared.certain) +
                    shrink * static_cast<double>(sums.shared.sampled) / p;
  out.intra.value = used - out.minimum.value - out.inter.value;

  const Interval memberships = score_interval(sums.memberships, p);
  out.minimum.interval = within(score_interval(sums.contents, p), distinct_seen,
                                used - intra_seen - shared_seen, out.minimum.value);
  out.inter.interval = within(score_interval(sums.shared, p), shared_seen,
                              used - intra_seen - distinct_seen, out.inter.value);
  out.intra.interval = within(Interval{used - memberships.high, used - memberships.low}, intra_seen,
                              used - static_cast<double>(sums.memberships.seen()), out.intra.value);
  return out;
}

}  // namespace brim::share
