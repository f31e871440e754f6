// SPDX-License-Identifier: Apache-2.0
#pragma once
// Figures of a run that went into thrashing and back: when it began, how deep it went, how long it
// took to get well again.
//
// Progress over a time is the accesses of all that run in it, as a share of what so many would have
// made unconstrained. It is told between samples, over the fewest of them that cover kWindowSeconds
// (a consumer with a long pause gets nothing done in many a second).
//
// A consumer's unconstrained rate, unless it is given, is the median of the rates between samples
// before the onset, all consumers that run taken together. Some of these have to lie before the
// last consumer starts: where all start at once there is nothing to hold their rate against, it is
// unknown, and so is all that rests on it.
//
// Thrashing begins at the first sample from which progress is below kOnsetShare, up to each sample
// of the next kOnsetSeconds (the next one, where they are further apart) and over the window: no
// stall of a moment before it is the begin of it. Demand fits again once, for good, fewer consumers
// run than did then, and no more than before the last start that led to it: where several come at
// once, those that ran before them are what was seen to fit. Who is killed does not run.
//
// Progress is back at the first sample from then on where it is at least kRecoveredShare, over the
// window and over all that is left of the run; so a recovery is known to within the time between
// two samples. Responsiveness is back where of each kind of probe the median is, over the window
// and over all that is left, no more than kRecoveredExcess above the median before the onset;
// kIndistinctMilliseconds is not told apart. What did not thrash has nothing to recover from: 0.
//
// What was not seen back took longer than until the last moment at which it could be told, at most
// a window before the last consumer ended: that bound is given in place of the time. Where demand
// never fitted, or so late that nothing could be told after it, there is neither.
//
// LIMIT: consumers are taken to be alike. Of groups with different loads the rate is that of the
// mix that ran before the onset. LIMIT: a rate that halves because consumers share too few
// processors looks the same.

#include "study/backend.h"
#include "thrash/measure/run_record.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash {

inline constexpr double kWindowSeconds = 3;
inline constexpr double kOnsetSeconds = 1;
inline constexpr double kOnsetShare = 0.5;
inline constexpr double kRecoveredShare = 0.9;
inline constexpr double kRecoveredExcess = 0.1;
inline constexpr double kIndistinctMilliseconds = 1;

struct LatencyFigures {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double most = 0;
};
// By when they were asked for: before the onset, from there until demand fits again, after. Of a
// run that did not thrash all are before; nothing where there is no probe, or no telling when it
// began.
struct PhaseLatencies {
  std::optional<LatencyFigures> all;  // of the whole run, also where the others can't be told
  std::optional<LatencyFigures> before;
  std::optional<LatencyFigures> during;
  std::optional<LatencyFigures> after;
};

// From when demand fits again until something is back.
struct Recovery {
  double seconds = 0;
  bool seen = true;  // else it took longer than that
  [[nodiscard]] bool operator==(const Recovery&) const = default;
};

struct ThrashFigures {
  std::optional<double> unconstrained_rate;  // accesses a second, of one consumer
  std::optional<double> onset_seconds;       // nothing: it did not thrash, or the rate is unknown
  std::optional<std::uint32_t> onset_consumers;  // that ran in the kOnsetSeconds from there
  std::optional<double> depth;                   // the lowest progress from the onset on
  std::optional<double> fits_again_seconds;
  std::optional<Recovery> recovery;
  std::optional<Recovery> responsiveness_recovery;
  // Jain's index (Jain, Chiu & Hawe 1984) of the consumers' rates over their own times: until it
  // ended, the last sample, or was due where it was killed. Nothing where none made an access.
  std::optional<double> fairness;
  // By consumer; nothing: it has not ended, or was killed.
  std::vector<std::optional<double>> lateness;
  std::uint32_t killed = 0;
  PhaseLatencies wake;
  PhaseLatencies touch;
  PhaseLatencies exec;
};

// `unconstrained_rate`: of one consumer, where it is known from elsewhere.
[[nodiscard]] ThrashFigures figures_of(const RunRecord& record,
                                       std::optional<double> unconstrained_rate = {});

// At the end of the run, as metrics: what is known of them; lateness by consumer ("consumer 3",
// from 1), latencies of the run, and by phase ("before", "during", "after").
void record(const ThrashFigures& figures, double t_seconds, const study::SampleSink& sink);

}  // namespace brim::thrash
