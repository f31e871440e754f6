// SPDX-License-Identifier: Apache-2.0
#pragma once
// What controls of thrashing have in common: when they look, how fast what they look at grows, and
// what they count as a process's size.

#include "thrash/model/thrash_control.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash::model {

// Due once each interval, first after the first one.
class EachInterval {
 public:
  explicit EachInterval(ModelTime interval) : interval_(interval), next_(interval) {}
  [[nodiscard]] bool due(ModelTime now) {
    if (now < next_) return false;
    next_ = now + interval_;
    return true;
  }

 private:
  ModelTime interval_;
  ModelTime next_;
};

// How much a count has grown since it was last asked, a second.
class GrowthRate {
 public:
  [[nodiscard]] double per_second(std::uint64_t count, ModelTime now) {
    const double seconds = std::chrono::duration<double>(now - at_).count();
    const double grown = static_cast<double>(count - count_);
    count_ = count;
    at_ = now;
    return seconds > 0 ? grown / seconds : 0;
  }

 private:
  std::uint64_t count_ = 0;
  ModelTime at_{0};
};

// Pages that a process has touched, wherever they are: what it would have in memory if it could.
[[nodiscard]] inline std::size_t touched(const ProcessView& process) {
  return process.frames + process.swapped;
}

// Those that have started and not ended, in order.
[[nodiscard]] inline std::vector<ThreadNumber> running_processes(const MachineControls& machine) {
  std::vector<ThreadNumber> running;
  for (ThreadNumber number = 0; number < machine.processes(); ++number)
    if (machine.process(number).runs) running.push_back(number);
  return running;
}

// Of them, those that are not frozen.
[[nodiscard]] inline std::vector<ThreadNumber> active_processes(const MachineControls& machine) {
  std::vector<ThreadNumber> active = running_processes(machine);
  std::erase_if(active, [&](ThreadNumber number) { return machine.process(number).frozen; });
  return active;
}

// Of the frames that processes can have, those that are there for the taking, as Linux tells
// MemAvailable (si_mem_available() of mm/page_alloc.c, from memory): without file cache what is
// free above the high watermark.
[[nodiscard]] inline double available_share(const MachineControls& machine, Pages frames) {
  const std::size_t free = machine.free_frames();
  const std::size_t kept = std::min<std::size_t>(free, machine.watermarks().high.count());
  return static_cast<double>(free - kept) / static_cast<double>(frames.count());
}

// By pages in frames and on the device; of several the first. Nothing where none runs.
[[nodiscard]] inline std::optional<ThreadNumber> largest_process(const MachineControls& machine) {
  const std::vector<ThreadNumber> running = running_processes(machine);
  if (running.empty()) return std::nullopt;
  return *std::ranges::max_element(
      running, {}, [&](ThreadNumber number) { return touched(machine.process(number)); });
}

// Whole-process swapping: it stops, and its pages leave.
inline void suspend(MachineControls& machine, ThreadNumber process) {
  machine.freeze(process);
  machine.order_out(process);
}

}  // namespace brim::thrash::model
