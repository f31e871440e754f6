// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/control_medium_term_scheduler.h"

#include <algorithm>

namespace brim::thrash::model {

void MediumTermScheduler::tick(MachineControls& machine, ModelTime now) {
  if (groups_.empty()) return begin_round(machine, now);
  take_in_newcomers(machine);
  const bool over = std::ranges::none_of(
      groups_[turn_], [&](ThreadNumber number) { return machine.process(number).runs; });
  if (now >= turn_ends_ || over) {
    ++turn_;
    return begin_turn(machine, now);
  }
  if (now >= interactive_until_) let_run(machine, groups_[turn_], Moving::by_faults);
}

void MediumTermScheduler::begin_round(MachineControls& machine, ModelTime now) {
  const std::vector<ThreadNumber> running = running_processes(machine);
  std::vector<SizedProcess> ordinary;
  std::size_t total = 0;
  std::size_t of_interactive = 0;
  everywhere_.clear();
  for (const ThreadNumber number : running) {
    const std::size_t pages = touched(machine.process(number));
    total += pages;
    of_interactive += is_interactive(number) ? pages : 0;
    if (is_interactive(number))
      everywhere_.push_back(number);
    else
      ordinary.push_back({number, pages});
  }
  const std::size_t room = room_of(machine, frames_);
  groups_.clear();
  if (total <= room) return let_run(machine, running, knobs_.moving);
  if (ordinary.empty()) {
    of_interactive = 0;
    for (const ThreadNumber number : everywhere_)
      ordinary.push_back({number, touched(machine.process(number))});
    everywhere_.clear();
  }
  groups_ = pack(std::move(ordinary), room - std::min(room, of_interactive));
  seen_.assign(machine.processes(), false);
  for (const ThreadNumber number : running) seen_[number] = true;
  turn_ = 0;
  begin_turn(machine, now);
}

// A group of which nobody is left is passed over.
void MediumTermScheduler::begin_turn(MachineControls& machine, ModelTime now) {
  const auto runs = [&](ThreadNumber number) { return machine.process(number).runs; };
  while (turn_ < groups_.size() && std::ranges::none_of(groups_[turn_], runs)) ++turn_;
  if (turn_ == groups_.size()) {
    interactive_known_ = true;
    return begin_round(machine, now);
  }
  const std::size_t most =
      std::ranges::max_element(groups_, {}, &std::vector<ThreadNumber>::size)->size();
  const ModelTime slice =
      knobs_.shortest_slice + (knobs_.longest_slice - knobs_.shortest_slice) *
                                  static_cast<std::int64_t>(groups_[turn_].size()) /
                                  static_cast<std::int64_t>(most);
  turn_ends_ = now + slice;
  interactive_until_ =
      everywhere_.empty()
          ? kNever
          : now + std::chrono::duration_cast<ModelTime>(slice * knobs_.interactive_share);
  std::vector<ThreadNumber> all = groups_[turn_];
  all.insert(all.end(), everywhere_.begin(), everywhere_.end());
  let_run(machine, all, knobs_.moving);
}

void MediumTermScheduler::take_in_newcomers(const MachineControls& machine) {
  for (const ThreadNumber number : running_processes(machine)) {
    if (seen_[number]) continue;
    seen_[number] = true;
    groups_[turn_].push_back(number);
  }
}

}  // namespace brim::thrash::model
