// SPDX-License-Identifier: Apache-2.0
#pragma once
// The probes of a live run, as processes where the consumers are (lab/agent/probe.h), and what they
// have told so far. A probe that dies does not end the run; it is told when and how.

#include "base/result.h"
#include "host/dependent_process.h"
#include "host/shared_memory.h"
#include "lab/agent/probe.h"
#include "thrash/live/ground.h"
#include "thrash/live/thrash_plan.h"
#include "thrash/measure/run_record.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::live {

// The worst since the last look; of what is still under way, what it has lasted so far.
struct WorstLatencies {
  std::optional<double> wake_ms;
  std::optional<double> touch_ms;
  std::optional<double> exec_ms;
};

class LiveProbes {
 public:
  // None where the plan has none.
  [[nodiscard]] static Result<LiveProbes> start(const ThrashPlan& plan, const Ground& ground,
                                                const std::string& agent);
  [[nodiscard]] Result<bool> ready();
  void begin(std::chrono::steady_clock::time_point start);

  [[nodiscard]] WorstLatencies look(ProbeRecord& record);
  // What was under way at the end has lasted so long at least.
  void finish(ProbeRecord& record);
  // What a reader should know: a sentence each.
  [[nodiscard]] std::vector<std::string> notes() const;

 private:
  struct Probe {
    lab::ProbeTask task;
    host::SharedMemory shared;
    host::DependentProcess process;
    std::optional<double> died_seconds;
    [[nodiscard]] lab::ProbePage& page() const {
      return *static_cast<lab::ProbePage*>(shared.data());
    }
  };
  // What of a ring has been read.
  struct RingReader {
    std::uint64_t read = 0;
    std::uint64_t lost = 0;
    [[nodiscard]] std::optional<double> take(const lab::LatencyRing& ring, bool alive,
                                             std::int64_t start, std::vector<Latency>& into);
  };
  [[nodiscard]] Result<void> start_one(const lab::ProbeTask& task, const Ground& ground,
                                       const std::string& agent);
  [[nodiscard]] Probe* find(lab::ProbeKind kind);
  void see_who_died(double now_seconds);

  std::vector<Probe> probes_;
  std::int64_t start_ = 0;
  RingReader wake_;
  RingReader touch_;
  RingReader exec_;
};

}  // namespace brim::thrash::live
