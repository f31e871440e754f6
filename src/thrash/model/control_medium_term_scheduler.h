// SPDX-License-Identifier: Apache-2.0
#pragma once
// The medium-term scheduler of Reuven and Wiseman ("Medium-term scheduler as a solution for the
// thrashing effect", The Computer Journal 49(3), 2006): processes are packed into groups whose
// pages fit in memory, and groups run in turns, so that those that run together do not take each
// other's pages.
//
// Where all that processes have touched does not fit below the high watermark, a round begins:
//   1. Processes are packed into as few groups as first-fit decreasing finds (control_turns.h).
//   2. Interactive ones are in every group, and groups pack what is left of memory; but only from
//      the second round on: who is interactive is seen in the first.
//   3. Groups run one after another. The group with most processes has the longest slice, 1 s; a
//      group of none would have the shortest, 0.5 s. An interactive process runs in the first part
//      of each slice only, as it has a part of every one.
//   4. Who starts meanwhile is in the group that runs. A group that has ended leaves its turn.
//   5. After the last group the round is over, and groups are built anew; where all fits by then,
//      everybody runs.
//
// Pages come by the faults of who misses them: each slice begins with a burst of swapping. With
// `bulk` those of the group that leaves are written out and those of the next one brought in at
// once, which is not the paper's.
//
// Sizes are what processes have touched, in frames and on the device: resident sizes alone always
// fit. The paper tells the number of groups likewise from the total need. A group's priority, by
// which slices go in the paper, is its number of members, as the machine has no priorities.
//
// LIMIT: processes that share memory should be in one group; those of the machine share none.
// LIMIT: where all are interactive they are packed like others.

#include "thrash/model/control_turns.h"

namespace brim::thrash::model {

struct MediumTermSchedulerKnobs {
  ModelTime shortest_slice = std::chrono::milliseconds(500);
  ModelTime longest_slice = std::chrono::seconds(1);
  double interactive_share = 0.5;  // of a slice; assumed
  Moving moving = Moving::by_faults;
};

class MediumTermScheduler final : public ThrashControl {
 public:
  // Interactive ones by process; of those beyond it none is.
  MediumTermScheduler(const MediumTermSchedulerKnobs& knobs, Pages frames,
                      std::vector<bool> interactive)
      : knobs_(knobs), frames_(frames), interactive_(std::move(interactive)) {}

  void tick(MachineControls& machine, ModelTime now) override;

  // Of the round; empty: everybody runs.
  [[nodiscard]] const std::vector<std::vector<ThreadNumber>>& groups() const { return groups_; }

 private:
  void begin_round(MachineControls& machine, ModelTime now);
  void begin_turn(MachineControls& machine, ModelTime now);
  void take_in_newcomers(const MachineControls& machine);
  [[nodiscard]] bool is_interactive(ThreadNumber number) const {
    return interactive_known_ && number < interactive_.size() && interactive_[number];
  }

  MediumTermSchedulerKnobs knobs_;
  Pages frames_;
  std::vector<bool> interactive_;
  bool interactive_known_ = false;  // a round has passed

  std::vector<std::vector<ThreadNumber>> groups_;  // of the round, without interactive ones
  std::vector<ThreadNumber> everywhere_;           // those
  std::vector<bool> seen_;                         // by process: has been in a round
  std::size_t turn_ = 0;                           // whose it is
  ModelTime interactive_until_{0};
  ModelTime turn_ends_{0};
};

}  // namespace brim::thrash::model
