// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a live run records at a moment, of the machine and of the consumers' group: processor time,
// paging, faults, pressure, memory, accesses. Rates are since the sample before, of the time that
// really passed.
//
// Where both the whole system and the group tell a thing, the system's has no subject and the
// group's is "group". Faults are summed over the consumers' processes: version 1 groups tell theirs
// late. What this kernel or layout does not tell is left out, and missing() says why.

#include "base/result.h"
#include "host/group_reading.h"
#include "host/host.h"
#include "host/paging_counters.h"
#include "host/processor_times.h"
#include "host/swap_table.h"
#include "study/backend.h"
#include "thrash/live/ground.h"
#include "thrash/live/live_consumers.h"
#include "thrash/live/thrash_plan.h"

#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace brim::thrash::live {

class ThrashSampler {
 public:
  // All must outlive it.
  ThrashSampler(const host::Host& host, const ThrashPlan& plan, const Ground& ground)
      : host_(host), plan_(plan), ground_(ground) {}

  // Rates count from here.
  [[nodiscard]] Result<void> begin(LiveConsumers& consumers);
  // `t_seconds`: of the scenario.
  [[nodiscard]] Result<void> sample(LiveConsumers& consumers, double t_seconds,
                                    const study::SampleSink& sink);
  // Processes that the kernel has killed since begin() because memory ran out: in the group, or on
  // the machine.
  [[nodiscard]] std::uint64_t oom_kills() const;
  // A line each.
  [[nodiscard]] const std::set<std::string>& missing() const { return missing_; }

 private:
  struct Look {
    std::chrono::steady_clock::time_point at;
    host::ProcessorTimes processors;
    host::PagingCounters paging;
    host::SwapCounters swap;
    std::optional<host::GroupReading> group;
    ConsumerTotals consumers;
  };
  // A sample that is being written.
  struct Writing {
    const Look& before;
    const Look& now;
    double passed;  // seconds
    double t;
    const study::SampleSink& sink;
    void value(std::string_view metric, std::string_view subject, double value) const {
      sink(metric, subject, t, value);
    }
  };
  [[nodiscard]] Result<Look> look(LiveConsumers& consumers) const;
  void tell_processors(const Writing& writing);
  void tell_system(const Writing& writing);
  void tell_group(const Writing& writing);
  void tell_group_work(const Writing& writing);
  static void tell_consumers(const Writing& writing);
  // A rate of a counter that may be missing; its `what` for the note.
  void rate(const Writing& writing, std::string_view metric, std::string_view subject,
            const std::optional<double>& before, const std::optional<double>& now,
            std::string_view what);

  const host::Host& host_;
  const ThrashPlan& plan_;
  const Ground& ground_;
  std::optional<Look> before_;
  std::uint64_t first_oom_kills_ = 0;
  std::set<std::string> missing_;
};

}  // namespace brim::thrash::live
