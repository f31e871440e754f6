// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a simple user-space program can do: it stops all processes but a few (SIGSTOP), lets those
// run for a slice (SIGCONT), and goes on to the next. The peer of other controls in comparisons.
//
// Each slice, in the order of their numbers and round again from the one after the last that ran:
// `running` processes, or with 0 as many as follow each other whose touched pages fit below the
// high watermark; one at least. Where all are among them everybody runs. Where all of them have
// ended, the next slice begins at once. Who starts meanwhile runs until the slice is over.
//
// Pages are left to the kernel: what comes is missed page by page. With `bulk` pages of those who
// stop go out and those of the next come in at once (on Linux, process_madvise(MADV_PAGEOUT) and
// MADV_WILLNEED).
//
// Source: none; the slice is that of brim's live comparisons.

#include "thrash/model/control_turns.h"

namespace brim::thrash::model {

struct SigstopRoundRobinKnobs {
  std::uint64_t running = 0;
  ModelTime slice = std::chrono::seconds(2);
  Moving moving = Moving::by_faults;
};

class SigstopRoundRobin final : public ThrashControl {
 public:
  SigstopRoundRobin(const SigstopRoundRobinKnobs& knobs, Pages frames)
      : knobs_(knobs), frames_(frames) {}

  void tick(MachineControls& machine, ModelTime now) override {
    const std::vector<ThreadNumber> running = running_processes(machine);
    if (running.empty()) return;
    if (now < slice_ends_ && !active_processes(machine).empty()) return;
    slice_ends_ = now + knobs_.slice;
    let_run(machine, next(machine, running), knobs_.moving);
  }

 private:
  [[nodiscard]] std::vector<ThreadNumber> next(const MachineControls& machine,
                                               const std::vector<ThreadNumber>& running) {
    const std::size_t room = room_of(machine, frames_);
    const auto start = static_cast<std::size_t>(
        std::ranges::count_if(running, [&](ThreadNumber number) { return number < next_; }));
    std::vector<ThreadNumber> chosen;
    std::size_t pages = 0;
    for (std::size_t i = 0; i < running.size(); ++i) {
      const ThreadNumber number = running[(start + i) % running.size()];
      pages += touched(machine.process(number));
      const bool enough = knobs_.running > 0 ? chosen.size() == knobs_.running : pages > room;
      if (enough && !chosen.empty()) break;
      chosen.push_back(number);
    }
    next_ = chosen.back() + 1;
    return chosen;
  }

  SigstopRoundRobinKnobs knobs_;
  Pages frames_;
  ThreadNumber next_ = 0;
  ModelTime slice_ends_{0};
};

}  // namespace brim::thrash::model
