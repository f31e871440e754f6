// SPDX-License-Identifier: Apache-2.0
#pragma once
// Figures of a run that went into thrashing and back: when it began, how deep it went, how long it
// took to get well again.
//
// A consumer's unconstrained rate is taken from the run itself: the median of its accesses a second
// while no more consumers run than did before the onset. Progress at a time is the accesses of all
// that run, as a share of what so many would make unconstrained. Thrashing begins where progress
// stays below kOnsetShare for kOnsetSeconds, and demand fits again once no more consumers run than
// before it. Recovered is who stays within 10 % of the unconstrained rate (progress), or whose
// probes' medians are within 10 % of those before (responsiveness).

#include "study/backend.h"
#include "thrash/measure/run_record.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash {

inline constexpr double kOnsetShare = 0.5;
inline constexpr double kOnsetSeconds = 3;

struct LatencyFigures {
  double p50 = 0;
  double p90 = 0;
  double p99 = 0;
  double most = 0;
};
// Before the onset, from there until demand fits again, after; nothing where there is no probe.
struct PhaseLatencies {
  std::optional<LatencyFigures> before;
  std::optional<LatencyFigures> during;
  std::optional<LatencyFigures> after;
};

struct ThrashFigures {
  std::optional<double> unconstrained_rate;  // accesses a second, of one consumer
  std::optional<double> onset_seconds;       // nothing: it did not thrash
  std::optional<std::uint32_t> onset_consumers;
  std::optional<double> depth;  // the lowest progress over kOnsetSeconds, from the onset on
  std::optional<double> fits_again_seconds;
  std::optional<double> recovery_seconds;  // from then; nothing: it did not while it was watched
  std::optional<double> responsiveness_recovery_seconds;
  std::optional<double> fairness;               // Jain's index of rates, each in its own time
  std::vector<std::optional<double>> lateness;  // by consumer; nothing: it has not ended
  std::uint32_t killed = 0;
  PhaseLatencies wake;
  PhaseLatencies touch;
  PhaseLatencies exec;
};

[[nodiscard]] ThrashFigures figures_of(const RunRecord& record);

// At the end of the run, as metrics; lateness by consumer ("consumer 3", from 1), latencies by
// phase
// ("before", "during", "after").
void record(const ThrashFigures& figures, double t_seconds, const study::SampleSink& sink);

}  // namespace brim::thrash
