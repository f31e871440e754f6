// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a simulated machine is, what runs on it, and what is seen of it.

#include "thrash/model/access_pattern.h"
#include "thrash/model/memory_shape.h"
#include "thrash/model/processors.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::thrash::model {

// A process touches what its pattern says from `start` on, and ends as it comes out of a sleep at
// or after its end time, `start` + `run_for`: as late as its last burst makes it.
struct ProcessPlan {
  ModelTime start{0};
  ModelTime run_for = kNever;
  PatternShape pattern;
  Pages quota{0};  // frames, where replacement is local; 0: an equal share of those that run
};

// What the out-of-memory event chooses from: the processes that run.
struct ProcessMemory {
  ThreadNumber process = 0;
  std::size_t frames = 0;
  std::size_t swapped = 0;
  std::size_t size = 0;  // pages of its address space, touched or not
  ModelTime user_time{0};
  ModelTime running_for{0};  // since its start
};
// Which of at least one is killed.
using ChooseVictim = std::function<ThreadNumber(std::span<const ProcessMemory>)>;
// The one with the most memory, in frames and on the device.
[[nodiscard]] ThreadNumber largest(std::span<const ProcessMemory> processes);

struct MachinePlan {
  MemoryShape memory;
  std::vector<ProcessPlan> processes;
  std::uint32_t processors = 1;
  ModelTime access = std::chrono::nanoseconds(150);  // of a page, by user work
  ModelTime slice = std::chrono::milliseconds(10);   // before the next in the queue runs
  ModelTime context_switch = std::chrono::microseconds(3);
  // Processors that can reclaim, or bring pages in, at a time: the others spin until it is their
  // turn, as on a kernel's locks. Requests to the device don't count. 0: all of them.
  std::uint32_t paging_at_once = 0;
  ModelTime tick = std::chrono::milliseconds(10);
  ModelTime sample_interval = std::chrono::seconds(1);
  ChooseVictim choose_victim = largest;
  // What controls are told are the watermarks; else those of the memory.
  std::optional<Watermarks> told_watermarks{};
};

struct ProcessSample {
  std::uint64_t completed = 0;  // accesses, so far
  std::size_t frames = 0;
  std::size_t swapped = 0;
};

// Counts are of the time since the sample before.
struct MachineSample {
  ModelTime at{0};
  double user_percent = 0;  // of all processors; the four make 100
  double system_percent = 0;
  double idle_percent = 0;
  double waiting_percent = 0;
  double device_busy_percent = 0;
  std::uint64_t pages_in = 0;  // from the swap device
  std::uint64_t pages_out = 0;
  std::uint64_t ordered_in = 0;  // pages of whole processes
  std::uint64_t ordered_out = 0;
  std::uint64_t minor_faults = 0;
  std::uint64_t major_faults = 0;
  std::uint64_t pages_scanned = 0;
  std::uint32_t runnable = 0;  // processes, now
  std::uint32_t blocked = 0;   // waiting for a page or a frame, now
  std::uint32_t frozen = 0;
  std::size_t free_frames = 0;
  std::vector<ProcessSample> processes{};
};

enum class Ending : std::uint8_t { none, ended, killed };

struct ProcessEnd {
  Ending ending = Ending::none;
  ModelTime at{0};
  ModelTime late{0};  // after its end time
};

}  // namespace brim::thrash::model
