// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the thrash guard knows of a machine at one moment: values only, from a live host, a fixture
// or a simulated one. Nothing here is of one operating system.
//
// A domain is memory with a bound of its own: all of the machine's, or what a group of tasks may
// have. Counters count from whatever start; what a machine does not tell is nothing, never 0. Tasks
// are dear to read and there only where somebody took the time (`tasks_known`).

#include "base/units.h"

#include <chrono>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::tune {

using Time = std::chrono::nanoseconds;  // of a steady clock, from whatever start

// A number, and when it was given, as it is given again to others.
struct TaskId {
  std::int64_t number = 0;
  std::uint64_t since = 0;
  auto operator<=>(const TaskId&) const = default;
};

// A process, or a VM.
struct Task {
  TaskId id;
  std::string name;
  bool machine = false;        // a VM
  Bytes resident;              // of its own, in memory
  Bytes swapped;               // of its own, out of it
  std::vector<TaskId> linked;  // those that wait for it, or it for them
  Time user_time{0};           // of processors, since it began
  Time system_time{0};         // the same
  std::uint64_t major_faults = 0;
  bool interactive = false;          // people wait for it
  bool protected_ = false;           // by the policy, or because it is the guard's own
  bool standing = false;             // held still by somebody else
  std::optional<Time> frozen_since;  // by the guard
};

struct MemoryDomain {
  std::string name;
  Bytes capacity;                           // what its tasks can have in memory together
  std::optional<Time> stalled;              // while at least one task waited for memory
  std::optional<Time> fully_stalled;        // while all that could have run did
  std::optional<std::uint64_t> refaults;    // pages that came back after they had been evicted
  std::optional<std::uint64_t> swapped_in;  // pages
  std::optional<std::uint64_t> swapped_out;
  bool tasks_known = false;
  std::vector<Task> tasks;  // by id; those of domains inside this one, too
};

struct ThrashSnapshot {
  unsigned processors = 1;
  bool triggered = false;             // the kernel itself raised the alarm
  Time acting_took{0};                // to put the last plan into effect
  std::vector<MemoryDomain> domains;  // outer ones first
};

}  // namespace brim::thrash::tune
