// SPDX-License-Identifier: Apache-2.0
#pragma once
// What two looks at a domain tell of thrashing. Used memory tells nothing by itself: a machine does
// best with all of it in use. Nor do averages, which come too late: all here is of the time between
// the looks.
//
// Thrashing is when tasks wait for memory, evicted pages come back, processors are not doing the
// tasks' own work, and more is wanted than there is room for: all at once (Denning, "Thrashing: Its
// Causes and Prevention", 1968, for the last two).

#include "thrash/tune/thrash_policy.h"
#include "thrash/tune/thrash_snapshot.h"

#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::tune {

struct TaskCounters {
  TaskId id;
  Time user_time{0};
  Time system_time{0};
  std::uint64_t major_faults = 0;
};
// A domain's counters at a look.
struct DomainCounters {
  Time at{0};
  std::optional<Time> stalled;
  std::optional<Time> fully_stalled;
  std::optional<std::uint64_t> refaults;
  std::optional<std::uint64_t> swapped_in;
  std::vector<TaskCounters> tasks;  // by id; none where they were not looked at
};
[[nodiscard]] DomainCounters counters_of(const MemoryDomain& domain, Time now);

struct Signs {
  std::optional<double> stalled_percent;  // of the time since the look before
  std::optional<double> fully_stalled_percent;
  std::optional<double> read_back_per_s;   // the most of what several counters tell
  std::optional<double> progress_percent;  // nothing: tasks were not looked at twice
  std::optional<double> work_per_s;        // user time of all of them; the same
  // And of their system time as much as of the time nobody waited for memory. Kernels tell user and
  // system time apart by what they find at ticks, over all of a task's life: after it thrashed, a
  // task that sleeps often is long taken for one that is still in the kernel.
  std::optional<double> most_work_per_s;
  Bytes demand;  // of tasks, in memory and out of it
  Bytes room;    // that they may have: capacity and fill_percent
};
// Pure; no time between the looks: only demand and room.
[[nodiscard]] Signs signs_between(const DomainCounters& before, const MemoryDomain& domain,
                                  unsigned processors, const ThrashPolicy& policy, Time now);

// Worth a close look: some of it, from the cheap counters alone.
[[nodiscard]] bool suspicious(const Signs& signs, const ThrashPolicy& policy);
// Tasks wait and pages come back: memory is being brought in.
[[nodiscard]] bool unsettled(const Signs& signs, const ThrashPolicy& policy);
// All of it. Without tasks looked at it can't be told, and is false.
[[nodiscard]] bool thrashes(const Signs& signs, const ThrashPolicy& policy);

// "tasks wait 82 % of the time, 5,120 evicted pages a second come back, ...".
[[nodiscard]] std::string words_of(const Signs& signs);

[[nodiscard]] Bytes room_in(const MemoryDomain& domain, const ThrashPolicy& policy);

}  // namespace brim::thrash::tune
