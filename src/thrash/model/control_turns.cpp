// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/control_turns.h"

#include <algorithm>

namespace brim::thrash::model {

std::vector<std::vector<ThreadNumber>> pack(std::vector<SizedProcess> processes,
                                            std::size_t capacity) {
  std::ranges::stable_sort(processes, std::ranges::greater(), &SizedProcess::pages);
  std::vector<std::vector<ThreadNumber>> groups;
  std::vector<std::size_t> taken;
  for (const auto& [process, pages] : processes) {
    std::size_t group = 0;
    while (group < groups.size() && taken[group] + pages > capacity) ++group;
    if (group == groups.size()) {
      groups.emplace_back();
      taken.push_back(0);
    }
    groups[group].push_back(process);
    taken[group] += pages;
  }
  for (std::vector<ThreadNumber>& group : groups) std::ranges::sort(group);
  return groups;
}

void let_run(MachineControls& machine, std::span<const ThreadNumber> these, Moving moving) {
  const auto runs_now = [&](ThreadNumber number) {
    return std::ranges::find(these, number) != these.end();
  };
  const std::vector<ThreadNumber> all = running_processes(machine);
  for (const ThreadNumber number : all) {
    if (runs_now(number) || machine.process(number).frozen) continue;
    machine.freeze(number);
    if (moving == Moving::in_bulk) machine.order_out(number);
  }
  for (const ThreadNumber number : all) {
    if (!runs_now(number) || !machine.process(number).frozen) continue;
    if (moving == Moving::in_bulk) machine.order_in(number);
    machine.thaw(number);
  }
}

std::size_t room_of(const MachineControls& machine, Pages frames) {
  std::size_t room = machine.free_frames();
  for (const ThreadNumber number : running_processes(machine))
    room += machine.process(number).frames;
  room = std::min<std::size_t>(room, frames.count());
  return room - std::min<std::size_t>(room, machine.watermarks().high.count());
}

}  // namespace brim::thrash::model
