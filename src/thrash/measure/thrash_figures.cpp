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

// From when on probes are answered as before; nothing where they were not while they were watched.
std::optional<double> answered_again(const Probes& probes, double before, double from) {
  const double most = std::max(before * (1 + kRecoveredExcess), before + kIndistinctMilliseconds);
  RunningMedian rest;
  std::optional<double> earliest;
  for (auto one = probes.rbegin(); one != probes.rend() && one->t_seconds >= from; ++one) {
    const double t = one->t_seconds;
    rest.add(one->milliseconds);
    if (probes.back().t_seconds >= t + kWindowSeconds && rest.value() <= most &&
        *median_of(probes, t, t + kWindowSeconds) <= most)
      earliest = t;
  }
  return earliest;
}

// Of all kinds that were probed before the onset.
std::optional<double> responsiveness_recovery(const ProbeRecord& probes, double onset,
                                              double fits_again) {
  std::optional<double> last;
  for (const Probes* kind : {&probes.wake, &probes.touch, &probes.exec}) {
    const auto before = median_of(*kind, -kForever, onset);
    if (!before) continue;
    const auto again = answered_again(*kind, *before, fits_again);
    if (!again) return std::nullopt;
    last = std::max(last.value_or(0), *again - fits_again);
  }
  return last;
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
  if (!onset) return;
  figures.onset_seconds = track.stretches()[*onset].from;
  figures.onset_consumers = running_before(record, track.stretches()[*onset].until);
  figures.depth = track.lowest_from(*onset);
  figures.fits_again_seconds = fewer_for_good(record, *figures.onset_consumers);
  if (!figures.fits_again_seconds) return;
  if (const auto back = track.back_from(*figures.fits_again_seconds))
    figures.recovery_seconds = *back - *figures.fits_again_seconds;
  figures.responsiveness_recovery_seconds =
      responsiveness_recovery(record.probes, *figures.onset_seconds, *figures.fits_again_seconds);
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
  put("thrash.recovery_s", figures.recovery_seconds);
  put("thrash.responsiveness_recovery_s", figures.responsiveness_recovery_seconds);
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
