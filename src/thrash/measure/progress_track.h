// SPDX-License-Identifier: Apache-2.0
#pragma once
// Progress of a run's consumers between its samples, as thrash_figures.h defines it. Internal to
// thrash_figures.cpp.

#include "thrash/measure/run_record.h"

#include <cstddef>
#include <optional>
#include <vector>

namespace brim::thrash {

class ProgressTrack {
 public:
  // Of all consumers, between two samples.
  struct Stretch {
    double from = 0;
    double until = 0;
    double accesses = 0;
    double consumer_seconds = 0;  // of those that ran
  };

  ProgressTrack(const RunRecord& record, std::optional<double> unconstrained_rate);

  [[nodiscard]] const std::vector<Stretch>& stretches() const { return stretches_; }
  [[nodiscard]] std::optional<double> unconstrained_rate() const { return rate_; }
  // The number of its stretch.
  [[nodiscard]] std::optional<std::size_t> onset() const { return onset_; }
  // Over the window; nothing where the run ends before one does. There is an onset.
  [[nodiscard]] std::optional<double> lowest_from(std::size_t stretch) const;
  // When progress is back, at that time or after.
  [[nodiscard]] std::optional<double> back_from(double seconds) const;
  // The last sample, at that time or after, from which back_from() could tell.
  [[nodiscard]] std::optional<double> last_told_from(double seconds) const;

 private:
  void find_onset(double last_start, std::optional<double> given);
  [[nodiscard]] bool begins_low(std::size_t first) const;
  // Accesses a second of a consumer: of one stretch, of the window from it, of all from it on.
  [[nodiscard]] std::optional<double> rate_over(std::size_t first, std::size_t end) const;
  [[nodiscard]] std::optional<double> window_rate(std::size_t first) const;

  std::vector<Stretch> stretches_;
  std::optional<double> rate_;
  std::optional<std::size_t> onset_;
};

}  // namespace brim::thrash
