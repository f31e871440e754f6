// SPDX-License-Identifier: Apache-2.0
#include "thrash/measure/thrash_figures.h"

#include "base/stats.h"
#include "thrash/measure/progress_track.h"
#include "thrash/measure/running_median.h"

#include <algorithm>
#include <array>
#include <limits>

#include <fmt/format.h>

namespace brim::thrash {
namespace {

using Probes = std::vector<Latency>;

std::uint32_t running_before(const RunRecord& record, double t) {
  return static_cast<std::uint32_t>(
      std::count_if(record.consumers.begin(), record.consumers.end(), [t](const auto& consumer) {
        return consumer.start_seconds < t && consumer.ended_seconds.value_or(t) >= t;
      }));
}

std::uint32_t ran_within(const RunRecord& record, double from, double until) {
  return static_cast<std::uint32_t>(
      std::count_if(record.consumers.begin(), record.consumers.end(), [&](const auto& consumer) {
        return consumer.start_seconds < until && consumer.ended_seconds.value_or(until) > from;
      }));
}

// Those that ran before the last start that led to the onset.
std::uint32_t seen_to_fit(const RunRecord& record, double onset_until) {
  double last_start = 0;
  for (const ConsumerRecord& consumer : record.consumers)
    if (consumer.start_seconds < onset_until)
      last_start = std::max(last_start, consumer.start_seconds);
  return running_before(record, last_start);
}

// The last end that leaves fewer of them; starts that come later make them as many again.
std::optional<double> fewer_for_good(const RunRecord& record, std::uint32_t consumers) {
  std::optional<double> since;
  for (const ConsumerRecord& consumer : record.consumers) {
    if (!consumer.ended_seconds || running_before(record, *consumer.ended_seconds) < consumers)
      continue;
    since = std::max(since.value_or(0), *consumer.ended_seconds);
  }
  if (!since) return std::nullopt;
  const double last = record.t_seconds.back();
  const bool again = running_before(record, last) >= consumers && last > *since;
  return again ? std::nullopt : since;
}

constexpr double kForever = std::numeric_limits<double>::infinity();

// Of those asked for then.
std::vector<double> latencies_within(const Probes& probes, double from, double until) {
  const auto earlier = [](const Latency& one, double t) { return one.t_seconds < t; };
  const auto first = std::lower_bound(probes.begin(), probes.end(), from, earlier);
  const auto last = std::lower_bound(first, probes.end(), until, earlier);
  std::vector<double> within(static_cast<std::size_t>(last - first));
  std::transform(first, last, within.begin(), [](const Latency& one) { return one.milliseconds; });
  return within;
}

std::optional<double> median_of(const Probes& probes, double from, double until) {
  auto within = latencies_within(probes, from, until);
  if (within.empty()) return std::nullopt;
  return percentile(std::move(within), 50);
}

// Of a kind of probe, from when demand fits; nothing where it was not watched for a window then.
std::optional<Recovery> answered_again(const Probes& probes, double before, double from) {
  const double most = std::max(before * (1 + kRecoveredExcess), before + kIndistinctMilliseconds);
  RunningMedian rest;
  std::optional<double> last_told;
  std::optional<double> earliest;
  for (auto one = probes.rbegin(); one != probes.rend() && one->t_seconds >= from; ++one) {
    const double t = one->t_seconds;
    rest.add(one->milliseconds);
    if (probes.back().t_seconds < t + kWindowSeconds) continue;
    if (!last_told) last_told = t;
    if (rest.value() <= most && *median_of(probes, t, t + kWindowSeconds) <= most) earliest = t;
  }
  if (!last_told) return std::nullopt;
  return Recovery{earliest.value_or(*last_told) - from, earliest.has_value()};
}

// Of all kinds that were probed before the onset: when the last of them is.
std::optional<Recovery> responsiveness_recovery(const ProbeRecord& probes, double onset,
                                                double fits_again) {
  std::optional<Recovery> last;
  for (const Probes* kind : {&probes.wake, &probes.touch, &probes.exec}) {
    const auto before = median_of(*kind, -kForever, onset);
    if (!before) continue;
    const auto again = answered_again(*kind, *before, fits_again);
    if (!again) return std::nullopt;
    last =
        last ? Recovery{std::max(last->seconds, again->seconds), last->seen && again->seen} : again;
  }
  return last;
}

std::optional<Recovery> progress_recovery(const ProgressTrack& track, double fits_again) {
  if (const auto back = track.back_from(fits_again)) return Recovery{*back - fits_again};
  if (const auto told = track.last_told_from(fits_again))
    return Recovery{*told - fits_again, false};
  return std::nullopt;
}

bool was_probed(const ProbeRecord& probes) {
  return !probes.wake.empty() || !probes.touch.empty() || !probes.exec.empty();
}

std::optional<LatencyFigures> latencies(const Probes& probes, double from, double until) {
  const auto within = latencies_within(probes, from, until);
  if (within.empty()) return std::nullopt;
  const double most = *std::max_element(within.begin(), within.end());
  return LatencyFigures{percentile(within, 50), percentile(within, 90), percentile(within, 99),
                        most};
}

PhaseLatencies by_phase(const Probes& probes, const ThrashFigures& figures) {
  PhaseLatencies phases;
  phases.all = latencies(probes, -kForever, kForever);
  if (!figures.unconstrained_rate) return phases;
  const double onset = figures.onset_seconds.value_or(kForever);
  const double fits = figures.fits_again_seconds.value_or(kForever);
  phases.before = latencies(probes, -kForever, onset);
  phases.during = latencies(probes, onset, fits);
  phases.after = latencies(probes, fits, kForever);
  return phases;
}

std::optional<double> rate_of(const ConsumerRecord& consumer, double last_sample) {
  double until = std::min(consumer.ended_seconds.value_or(last_sample), last_sample);
  if (consumer.killed) until = std::max(until, std::min(consumer.due_seconds, last_sample));
  if (consumer.accesses.empty() || until <= consumer.start_seconds) return std::nullopt;
  return static_cast<double>(consumer.accesses.back()) / (until - consumer.start_seconds);
}

std::optional<double> fairness_of(const RunRecord& record) {
  if (record.t_seconds.empty()) return std::nullopt;
  double sum = 0;
  double squares = 0;
  double count = 0;
  for (const ConsumerRecord& consumer : record.consumers) {
    const auto rate = rate_of(consumer, record.t_seconds.back());
    if (!rate) continue;
    sum += *rate;
    squares += *rate * *rate;
    ++count;
  }
  if (sum <= 0) return std::nullopt;
  return sum * sum / (count * squares);
}

void reckon_thrashing(const RunRecord& record, const ProgressTrack& track, ThrashFigures& figures) {
  const auto onset = track.onset();
  if (!onset) {
    if (!track.unconstrained_rate()) return;
    figures.recovery = Recovery{};
    if (was_probed(record.probes)) figures.responsiveness_recovery = Recovery{};
    return;
  }
  const ProgressTrack::Stretch& stretch = track.stretches()[*onset];
  const double until = std::max(stretch.until, stretch.from + kOnsetSeconds);
  figures.onset_seconds = stretch.from;
  figures.onset_consumers = ran_within(record, stretch.from, until);
  figures.depth = track.lowest_from(*onset);
  const std::uint32_t too_many = std::min(*figures.onset_consumers, seen_to_fit(record, until) + 1);
  figures.fits_again_seconds = fewer_for_good(record, too_many);
  if (!figures.fits_again_seconds) return;
  figures.recovery = progress_recovery(track, *figures.fits_again_seconds);
  figures.responsiveness_recovery =
      responsiveness_recovery(record.probes, stretch.from, *figures.fits_again_seconds);
}

// A time that was seen, or the metric of its lower bound.
void record_recovery(const std::optional<Recovery>& recovery, std::string_view name, double t,
                     const study::SampleSink& sink) {
  if (!recovery) return;
  sink(fmt::format("{}{}", name, recovery->seen ? "_s" : "_at_least_s"), "", t, recovery->seconds);
}

using MaybePhase = std::optional<LatencyFigures> PhaseLatencies::*;
struct Phase {
  const char* name;
  MaybePhase latencies;
};
constexpr std::array kPhaseNames = std::to_array<Phase>({
    {"", &PhaseLatencies::all},
    {"before", &PhaseLatencies::before},
    {"during", &PhaseLatencies::during},
    {"after", &PhaseLatencies::after},
});

void record_latencies(const PhaseLatencies& phases, std::string_view probe, double t,
                      const study::SampleSink& sink) {
  for (const Phase& phase : kPhaseNames) {
    const auto& figures = phases.*phase.latencies;
    if (!figures) continue;
    const auto put = [&](std::string_view which, double value) {
      sink(fmt::format("thrash.{}_{}_ms", probe, which), phase.name, t, value);
    };
    put("p50", figures->p50);
    put("p90", figures->p90);
    put("p99", figures->p99);
    put("max", figures->most);
  }
}

}  // namespace

ThrashFigures figures_of(const RunRecord& record, std::optional<double> unconstrained_rate) {
  ThrashFigures figures;
  figures.lateness.resize(record.consumers.size());
  for (std::size_t i = 0; i < record.consumers.size(); ++i) {
    const ConsumerRecord& consumer = record.consumers[i];
    figures.killed += consumer.killed ? 1 : 0;
    if (consumer.ended_seconds && !consumer.killed)
      figures.lateness[i] = *consumer.ended_seconds - consumer.due_seconds;
  }
  figures.fairness = fairness_of(record);
  const ProgressTrack track(record, unconstrained_rate);
  figures.unconstrained_rate = track.unconstrained_rate();
  reckon_thrashing(record, track, figures);
  figures.wake = by_phase(record.probes.wake, figures);
  figures.touch = by_phase(record.probes.touch, figures);
  figures.exec = by_phase(record.probes.exec, figures);
  return figures;
}

void record(const ThrashFigures& figures, double t_seconds, const study::SampleSink& sink) {
  const auto put = [&](std::string_view metric, std::optional<double> value) {
    if (value) sink(metric, "", t_seconds, *value);
  };
  put("thrash.unconstrained_accesses_per_s", figures.unconstrained_rate);
  put("thrash.onset_s", figures.onset_seconds);
  if (figures.onset_consumers) put("thrash.onset_consumers", *figures.onset_consumers);
  if (figures.depth) put("thrash.depth_percent", 100 * *figures.depth);
  put("thrash.fits_again_s", figures.fits_again_seconds);
  record_recovery(figures.recovery, "thrash.recovery", t_seconds, sink);
  record_recovery(figures.responsiveness_recovery, "thrash.responsiveness_recovery", t_seconds,
                  sink);
  put("thrash.fairness", figures.fairness);
  put("thrash.consumers_killed", figures.killed);
  for (std::size_t i = 0; i < figures.lateness.size(); ++i)
    if (figures.lateness[i])
      sink("thrash.lateness_s", fmt::format("consumer {}", i + 1), t_seconds, *figures.lateness[i]);
  record_latencies(figures.wake, "wake", t_seconds, sink);
  record_latencies(figures.touch, "touch", t_seconds, sink);
  record_latencies(figures.exec, "exec", t_seconds, sink);
}

}  // namespace brim::thrash
