// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/progress_track.h"

#include "base/result.h"
#include "thrash/measure/running_median.h"
#include "thrash/measure/thrash_figures.h"

#include <algorithm>

namespace brim::thrash {
namespace {

// Times of samples are sums and differences of tenths: not to the last digit.
constexpr double kRounding = 1e-6;

double overlap(const ConsumerRecord& consumer, double from, double until) {
  const double end = std::min(consumer.ended_seconds.value_or(until), until);
  return std::max(0.0, end - std::max(consumer.start_seconds, from));
}

ProgressTrack::Stretch stretch_of(const RunRecord& record, std::size_t from) {
  ProgressTrack::Stretch stretch{record.t_seconds[from], record.t_seconds[from + 1], 0, 0};
  for (const ConsumerRecord& consumer : record.consumers) {
    stretch.consumer_seconds += overlap(consumer, stretch.from, stretch.until);
    stretch.accesses += static_cast<double>(consumer.accesses[from + 1]) -
                        static_cast<double>(consumer.accesses[from]);
  }
  return stretch;
}

}  // namespace

ProgressTrack::ProgressTrack(const RunRecord& record, std::optional<double> unconstrained_rate) {
  for (const ConsumerRecord& consumer : record.consumers)
    BRIM_ASSERT(consumer.accesses.size() == record.t_seconds.size());
  for (std::size_t i = 0; i + 1 < record.t_seconds.size(); ++i)
    stretches_.push_back(stretch_of(record, i));
  double last_start = 0;
  for (const ConsumerRecord& consumer : record.consumers)
    last_start = std::max(last_start, consumer.start_seconds);
  find_onset(last_start, unconstrained_rate);
}

void ProgressTrack::find_onset(double last_start, std::optional<double> given) {
  rate_ = given;
  RunningMedian rates;
  bool while_demand_grows = false;  // one of them was
  for (std::size_t i = 0; i < stretches_.size(); ++i) {
    const auto rate = rate_over(i, i + 1);
    if (!rate) continue;
    const auto window = window_rate(i);
    if (rate_ && begins_low(i) && window && *window < kOnsetShare * *rate_) {
      onset_ = i;
      return;
    }
    if (given) continue;
    const Stretch& stretch = stretches_[i];
    rates.add(*rate);
    while_demand_grows = while_demand_grows || stretch.until <= last_start;
    if (while_demand_grows && rates.value() > 0) rate_ = rates.value();
  }
}

// Up to each sample of the first kOnsetSeconds.
bool ProgressTrack::begins_low(std::size_t first) const {
  for (std::size_t end = first + 1; end <= stretches_.size(); ++end) {
    const auto rate = rate_over(first, end);
    if (rate && *rate >= kOnsetShare * *rate_) return false;
    if (stretches_[end - 1].until - stretches_[first].from >= kOnsetSeconds - kRounding) break;
  }
  return true;
}

std::optional<double> ProgressTrack::rate_over(std::size_t first, std::size_t end) const {
  double accesses = 0;
  double consumer_seconds = 0;
  for (std::size_t i = first; i < end; ++i) {
    accesses += stretches_[i].accesses;
    consumer_seconds += stretches_[i].consumer_seconds;
  }
  // A consumer that has hardly run tells little: it may have been just about to end.
  const double shortest =
      std::min(stretches_[end - 1].until - stretches_[first].from, kWindowSeconds) / 2;
  if (consumer_seconds <= 0 || consumer_seconds < shortest) return std::nullopt;
  return accesses / consumer_seconds;
}

std::optional<double> ProgressTrack::window_rate(std::size_t first) const {
  for (std::size_t end = first + 1; end <= stretches_.size(); ++end)
    if (stretches_[end - 1].until - stretches_[first].from >= kWindowSeconds - kRounding)
      return rate_over(first, end);
  return std::nullopt;
}

std::optional<double> ProgressTrack::lowest_from(std::size_t stretch) const {
  BRIM_ASSERT(rate_);
  std::optional<double> lowest;
  for (std::size_t i = stretch; i < stretches_.size(); ++i)
    if (const auto rate = window_rate(i)) lowest = std::min(lowest.value_or(*rate), *rate);
  if (lowest) *lowest /= *rate_;
  return lowest;
}

std::optional<double> ProgressTrack::back_from(double seconds) const {
  BRIM_ASSERT(rate_);
  const double enough = kRecoveredShare * *rate_;
  for (std::size_t i = 0; i < stretches_.size(); ++i) {
    if (stretches_[i].from < seconds) continue;
    const auto window = window_rate(i);
    const auto rest = rate_over(i, stretches_.size());
    if (window && rest && *window >= enough && *rest >= enough) return stretches_[i].from;
  }
  return std::nullopt;
}

std::optional<double> ProgressTrack::last_told_from(double seconds) const {
  for (std::size_t i = stretches_.size(); i-- > 0 && stretches_[i].from >= seconds;)
    if (window_rate(i) && rate_over(i, stretches_.size())) return stretches_[i].from;
  return std::nullopt;
}

}  // namespace brim::thrash
