// SPDX-License-Identifier: Apache-2.0
#pragma once
// What runs a scenario: an area's model, or the live machine.

#include "base/cancel.h"
#include "base/provenance.h"
#include "base/result.h"
#include "base/rng.h"
#include "study/run.h"
#include "study/scenario.h"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

// Where a backend's figures go: the engine knows the point and the repeat.
using SampleSink = std::function<void(std::string_view metric, std::string_view subject,
                                      double t_seconds, double value)>;

class Backend {
 public:
  virtual ~Backend() = default;
  [[nodiscard]] virtual Provenance provenance() const = 0;
  // Whether several points may run at once.
  [[nodiscard]] virtual bool concurrent() const = 0;
  // What run() would refuse, before long work.
  [[nodiscard]] virtual Result<void> check(const Scenario& scenario) const = 0;
  // What in the run stands for what in the scenario, and what else its reader should know, a
  // sentence each. Asked after check().
  [[nodiscard]] virtual std::vector<std::string> notes(const Scenario& /*scenario*/) const {
    return {};
  }
  // What else its figures depend on than the scenario: the same text where that is the same.
  [[nodiscard]] virtual std::string inputs() const { return {}; }
  // One point, once. `progress` is told how far it is, from 0 to 1. `interrupted` when cancelled.
  // Thread-safe where concurrent().
  [[nodiscard]] virtual Result<void> run(const Scenario& scenario, const Rng& rng,
                                         const SampleSink& sink,
                                         const std::function<void(double)>& progress,
                                         const Cancel& cancel) const = 0;
};

}  // namespace brim::study
