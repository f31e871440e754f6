// SPDX-License-Identifier: Apache-2.0
#pragma once
// The swap token of Linux 2.6 (Jiang and Zhang, "Token-ordered LRU: an effective page replacement
// policy and its implementation in Linux systems", Performance Evaluation 60, 2005; mm/thrash.c,
// from memory): reclaim passes over the pages of one process, so that it at least gets its work
// done.
//
// At each fault that waits for the device (grab_swap_token), by time (2.6.10 to 2.6.19):
//   1. The holder's own: it still needs the token. Nothing else happens.
//   2. Within 2 s of the last time anybody was considered, nobody is.
//   3. One that is not eligible yet (rule 5) is not considered.
//   4. The token goes to it if the holder has had no fault since somebody was last considered, or
//      has held the token for more than its time. Else only this is noted, that the holder is to
//      have another fault to keep it.
//   5. A holder that had its full time is not eligible for as long again; another one at once.
// A holder that ends leaves the token to the next that faults.
//
// By priority (from 2.6.20): each process counts how many faults of all lie between its own. Where
// they are fewer than the last time its priority grows by one, else it shrinks by one, to zero at
// least; the holder's grows by two at each of its faults. The token goes to one whose priority is
// above the holder's, which grows by two then.
//
// At the last reclaim priority the kernel disregards the token: here, where nothing else can leave.
//
// LIMIT: the token is the machine's, where the kernel's protects pages from being looked at, not
// from ageing: what moves through the policy's order is said at MemoryManager::exempt().

#include "thrash/model/thrash_control.h"

#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

namespace brim::thrash::model {

enum class SwapTokenRule : std::uint8_t { time, priority };

struct SwapTokenKnobs {
  ModelTime timeout = std::chrono::seconds(300);  // swap_token_default_timeout; 0: no token
  ModelTime check = std::chrono::seconds(2);      // SWAP_TOKEN_CHECK_INTERVAL
  SwapTokenRule rule = SwapTokenRule::time;
};

class SwapToken final : public ThrashControl {
 public:
  explicit SwapToken(const SwapTokenKnobs& knobs) : knobs_(knobs) {}

  [[nodiscard]] ThreadNumber holder() const { return holder_; }

  void tick(MachineControls& machine, ModelTime now) override {
    if (holder_ == kNoThread || machine.process(holder_).runs) return;
    machine.exempt(holder_, false);
    holder_ = kNoThread;
    faulted_ = false;
    next_check_ = now;
  }

  void fault(MachineControls& machine, ThreadNumber process, Fault fault, ModelTime now) override {
    if (fault != Fault::major || knobs_.timeout == ModelTime(0)) return;
    if (past_.empty()) past_.resize(machine.processes());
    if (!machine.process(process).runs) return;
    if (knobs_.rule == SwapTokenRule::time)
      ask_by_time(machine, process, now);
    else
      ask_by_priority(machine, process);
  }

 private:
  // What is known of a process.
  struct Past {
    ModelTime eligible_at{0};
    std::uint64_t last_fault = 0;  // the number of it, of all faults
    std::uint64_t last_interval = 0;
    std::uint64_t priority = 0;
  };

  void ask_by_time(MachineControls& machine, ThreadNumber process, ModelTime now) {
    if (process == holder_) {
      faulted_ = true;
      return;
    }
    if (now <= next_check_ || now < past_[process].eligible_at) return;
    next_check_ = now + knobs_.check;
    const bool had_its_time = faulted_ && now > held_until_;
    if (std::exchange(faulted_, false) && !had_its_time) return;
    if (holder_ != kNoThread)
      past_[holder_].eligible_at = now + (had_its_time ? knobs_.timeout : ModelTime(0));
    held_until_ = now + knobs_.timeout;
    hand_to(machine, process);
  }

  void ask_by_priority(MachineControls& machine, ThreadNumber process) {
    Past& past = past_[process];
    const std::uint64_t interval = ++faults_ - past.last_fault;
    bool takes = holder_ == kNoThread;
    if (process == holder_) {
      past.priority += 2;
    } else if (!takes) {
      if (interval < past.last_interval)
        ++past.priority;
      else if (past.priority > 0)
        --past.priority;
      takes = past.priority > past_[holder_].priority;
    }
    if (takes) {
      past.priority += 2;
      hand_to(machine, process);
    }
    past.last_fault = faults_;
    past.last_interval = interval;
  }

  void hand_to(MachineControls& machine, ThreadNumber process) {
    if (holder_ != kNoThread) machine.exempt(holder_, false);
    machine.exempt(process, true);
    holder_ = process;
  }

  SwapTokenKnobs knobs_;
  ThreadNumber holder_ = kNoThread;
  bool faulted_ = false;  // the holder, since somebody was last considered
  ModelTime next_check_{0};
  ModelTime held_until_{0};
  std::uint64_t faults_ = 0;
  std::vector<Past> past_;  // by process
};

}  // namespace brim::thrash::model
