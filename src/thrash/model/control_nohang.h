// SPDX-License-Identifier: Apache-2.0
#pragma once
// nohang, a program in user space that kills the largest process while memory pressure is high
// (Alexey Avramov; Debian's package, version 0.2.0). The peer of other controls in comparisons,
// live by the same name. Modelled is its rule of pressure, which its configuration has to turn on
// (psi_checking_enabled), with full avg10 (memory_pressure.h).
//
// At each look, each 0.1 s:
//   1. While more than 20 % of memory are available (warning_threshold_min_mem) it does not look at
//      pressure. What has been counted stays, and the look after that counts all the time between.
//   2. Pressure is too high where it is at `hard` or above with at most 2 % of memory available
//      (hard_threshold_min_mem), or at `soft` or above with at most 5 %. For each of the two the
//      time counts from the first look that finds it so; one that does not begins it anew, an
//      action does not.
//   3. Once that is `excess`, and `pause` is over since its last action (or its start), the process
//      with the highest oom_score gets SIGKILL for `hard`, which is asked first, or SIGTERM for
//      `soft`. Live all consumers have the same oom_score_adj: so it is the one with the most
//      pages in frames and on the device, and of several the first.
//
// Both signals end a process at once here: `hard` makes a difference only where it is below `soft`.
// What survived SIGTERM for 10 s would get SIGKILL (max_soft_exit_time).
//
// Its own defaults are 40 and 90 %, 30 s and 15 s: in a run of half a minute it would not act.
// Those here are of brim's live comparisons; the program itself takes no pause below 10 s.
//
// Source: its main loop, check_psi_ex(), implement_corrective_action(), fast_find_victim() and
// nohang.conf. What is available is what the kernel says (MemAvailable, si_mem_available() of
// mm/page_alloc.c, from memory): without file cache what is free above the high watermark.
//
// LIMIT: its other rule, SIGTERM where at most 5 % of memory are available and 10 % of the swap
// area are free (SIGKILL at 2 and 4 %), is left out: it spares nobody while swap is nearly full.
// LIMIT: it looks less often the more memory and swap are free: for each GiB of free swap half a
// second lies between two looks, 3 s at most.
// LIMIT: the kernel's score has steps of 0.15 % of memory and swap; here one page decides.

#include "thrash/model/control_common.h"
#include "thrash/model/memory_pressure.h"

#include <optional>
#include <utility>

namespace brim::thrash::model {

struct NohangKnobs {
  double soft = 10;  // percent
  double hard = 90;
  ModelTime excess = std::chrono::seconds(2);
  ModelTime pause = std::chrono::seconds(10);
};

class Nohang final : public ThrashControl {
 public:
  // `frames`: that processes can have.
  Nohang(const NohangKnobs& knobs, Pages frames, std::uint32_t processors)
      : knobs_(knobs), frames_(frames), pressure_(processors) {}

  void tick(MachineControls& machine, ModelTime now) override {
    pressure_.update(machine, now);
    if (!looks_.due(now)) return;
    const double available = available_share(machine, frames_);
    if (available > kLookedAtBelow) return;
    const ModelTime passed = now - std::exchange(looked_at_, now);
    const bool may_act = now - acted_at_ >= knobs_.pause;
    const bool hard = pressure_.percent() >= knobs_.hard && available <= kHardBelow;
    if (hard_.count(hard, passed) >= knobs_.excess && may_act) return end_largest(machine, now);
    const bool soft = pressure_.percent() >= knobs_.soft && available <= kSoftBelow;
    if (soft_.count(soft, passed) >= knobs_.excess && may_act) end_largest(machine, now);
  }

 private:
  // Of memory, available.
  static constexpr double kLookedAtBelow = 0.2;
  static constexpr double kSoftBelow = 0.05;
  static constexpr double kHardBelow = 0.02;

  // For how long something has been so.
  class Excess {
   public:
    // At a look, so long after the one before. Less than nothing: it is not so.
    ModelTime count(bool is_so, ModelTime passed) {
      if (!is_so)
        time_.reset();
      else
        time_ = time_ ? *time_ + passed : ModelTime(0);
      return time_.value_or(ModelTime(-1));
    }

   private:
    std::optional<ModelTime> time_;
  };

  void end_largest(MachineControls& machine, ModelTime now) {
    const auto largest = largest_process(machine);
    if (!largest) return;
    machine.kill(*largest);
    acted_at_ = now;
  }

  NohangKnobs knobs_;
  Pages frames_;
  FullPressure pressure_;
  EachInterval looks_{std::chrono::milliseconds(100)};
  Excess hard_;
  Excess soft_;
  ModelTime looked_at_{0};
  ModelTime acted_at_{0};
};

}  // namespace brim::thrash::model
