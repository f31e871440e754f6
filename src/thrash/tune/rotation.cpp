// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/rotation.h"

#include "base/text.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::tune {
namespace {

// What was seen of a need is a little less than the need.
constexpr std::uint64_t kLearntParts = 10;
constexpr std::uint64_t kLearntMore = 11;

double in_seconds(Time time) { return std::chrono::duration<double>(time).count(); }

Time scaled(Time time, double by) {
  return std::chrono::duration_cast<Time>(std::chrono::duration<double>(in_seconds(time) * by));
}

Bytes resident_of(const TaskGroup& group, const MemoryDomain& domain) {
  Bytes sum;
  for (const TaskId& id : group.tasks)
    if (const Task* const task = find_task(domain, id)) sum += task->resident;
  return sum;
}

// Of a group's tasks, the memory of those that run already.
Bytes running_in(const TaskGroup& group, const MemoryDomain& domain) {
  Bytes sum;
  for (const TaskId& id : group.tasks) {
    const Task* const task = find_task(domain, id);
    if (task != nullptr && !task->frozen_since) sum += task->resident + task->swapped;
  }
  return sum;
}

// When the first of a unit's tasks began to run.
Time began_of(const TaskGroup& unit, const Rotation& rotation) {
  Time began{0};
  for (const TaskId& id : unit.tasks)
    if (const auto since = rotation.running_since.find(id); since != rotation.running_since.end())
      began = std::max(began, since->second);
  return began;
}

// Longest that one of its tasks has waited for its turn; 0: none does.
Time waited(const TaskGroup& unit, const Rotation& rotation, Time now) {
  Time longest{0};
  for (const TaskId& id : unit.tasks)
    if (const auto since = rotation.waiting_since.find(id); since != rotation.waiting_since.end())
      longest = std::max(longest, now - since->second);
  return longest;
}

// Each task with the time it is known since, or now.
void add_since(const TaskGroup& unit, const std::map<TaskId, Time>& known, Time now,
               std::map<TaskId, Time>& since) {
  for (const TaskId& id : unit.tasks) {
    const auto before = known.find(id);
    since.emplace(id, before == known.end() ? now : before->second);
  }
}

Bytes less(Bytes all, Bytes part) { return all > part ? all - part : Bytes(0); }

// The first in line run, and whoever fits beside them; the others in groups, by how long they wait.
void let_run(std::vector<TaskGroup> line, Rotation& rotation, Bytes room, Time now) {
  TaskGroup front;
  std::vector<TaskGroup> others;
  for (TaskGroup& unit : line) {
    if (!front.tasks.empty() && (front.too_large || front.need + unit.need > room)) {
      others.push_back(std::move(unit));
      continue;
    }
    front.need += unit.need;
    front.too_large = front.need > room;
    front.tasks.insert(front.tasks.end(), unit.tasks.begin(), unit.tasks.end());
  }
  std::sort(front.tasks.begin(), front.tasks.end());
  std::map<TaskId, Time> waiting;
  for (const TaskGroup& unit : others) add_since(unit, rotation.waiting_since, now, waiting);
  rotation.waiting_since = std::move(waiting);
  std::map<TaskId, Time> running;
  add_since(front, rotation.running_since, now, running);
  rotation.running_since = std::move(running);
  rotation.groups = pack(std::move(others), room);
  std::stable_sort(rotation.groups.begin(), rotation.groups.end(),
                   [&](const TaskGroup& a, const TaskGroup& b) {
                     return waited(a, rotation, now) > waited(b, rotation, now);
                   });
  if (!front.tasks.empty()) rotation.groups.insert(rotation.groups.begin(), std::move(front));
}

// Units of most worth first; of equal ones in their order.
template <class Worth>
std::vector<TaskGroup> in_line(std::vector<TaskGroup> units, Worth worth) {
  std::stable_sort(units.begin(), units.end(),
                   [&](const TaskGroup& a, const TaskGroup& b) { return worth(a) > worth(b); });
  return units;
}

// All that may run needs, by what was learnt of it or by all it has.
Bytes demand_of(const Rotation& rotation, const MemoryDomain& domain) {
  const LearntNeeds nothing;
  Bytes sum;
  for (const Task& task : domain.tasks)
    if (!task.standing) sum += need_of(task, rotation.distrust_learnt ? nothing : rotation.learnt);
  return sum;
}

void learn_from(Rotation& rotation, const MemoryDomain& domain) {
  for (const TaskId& id : rotation.groups.front().tasks) {
    const Task* const task = find_task(domain, id);
    rotation.learnt.erase(id);
    if (task == nullptr || !rotation.settled_after) continue;
    const Bytes need(task->resident.count() / kLearntParts * kLearntMore);
    if (need < task->resident + task->swapped) rotation.learnt.emplace(id, need);
  }
}

void note_settling(Rotation& rotation, const Signs& signs, Time acting_took,
                   const ThrashPolicy& policy, Time now) {
  const Time since = now - rotation.switched_at;
  if (rotation.settled_after || since <= acting_took) return;
  rotation.switch_cost = std::max(rotation.switch_cost, since);
  if (unsettled(signs, policy)) return;
  rotation.settled_after = since;
  rotation.switch_cost = since;
}

// How long the first group may run, told in `turn`.
void time_turn(const Rotation& rotation, Time acting_took, const ThrashPolicy& policy, Time now,
               Turn& turn) {
  const Slice slice = slice_for(rotation.groups.size(), rotation.switch_cost, acting_took, policy);
  const Time began = rotation.switched_at + acting_took;
  turn.slice = slice.length;
  turn.until = began + slice.length;
  Time longest{0};
  for (std::size_t i = 1; i < rotation.groups.size(); ++i)
    longest = std::max(longest, waited(rotation.groups[i], rotation, now));
  if (longest.count() > 0) {
    const Time last_moment = now - longest + policy.most_wait - acting_took;
    turn.until = std::min(turn.until, std::max(last_moment, began + policy.shortest_slice));
  }
  if (slice.waits_too_long)
    turn.notes.push_back(fmt::format(
        "{} groups of {:.1f} s each can't keep waiting below {:.0f} s: it will be up to {:.0f} s",
        rotation.groups.size(), in_seconds(slice.length), in_seconds(policy.most_wait),
        in_seconds((slice.length + acting_took) *
                   static_cast<std::int64_t>(rotation.groups.size() - 1))));
}

void tell_too_large(const Rotation& rotation, Bytes room, Turn& turn) {
  for (const TaskGroup& group : rotation.groups)
    if (group.too_large)
      turn.notes.push_back(
          fmt::format("{} tasks that belong together need {}, more than the {} there is: they run "
                      "alone and go on thrashing",
                      group.tasks.size(), human_bytes(group.need), human_bytes(room)));
}

Turn all_may_run(std::string reason) {
  Turn turn;
  turn.over = true;
  turn.changed = true;
  turn.reason = std::move(reason);
  return turn;
}

bool any_of_them(const TaskGroup& unit, const std::vector<TaskId>& ran) {
  return std::ranges::any_of(unit.tasks,
                             [&](const TaskId& id) { return std::ranges::binary_search(ran, id); });
}

// How many of these tasks are in any of the units.
std::size_t still_there(const Units& found, const std::vector<TaskId>& ran) {
  std::size_t count = 0;
  for (const TaskGroup& unit : found.units)
    count += static_cast<std::size_t>(std::ranges::count_if(
        unit.tasks, [&](const TaskId& id) { return std::ranges::binary_search(ran, id); }));
  return count;
}

// Who runs goes on, the larger before the smaller where they have become too many; and who fits
// beside them joins, by how long they have waited.
void keep_running(Rotation& rotation, const Units& found, Bytes room, const MemoryDomain& domain,
                  Time now) {
  const std::vector<TaskId> ran = rotation.groups.front().tasks;
  let_run(in_line(found.units,
                  [&](const TaskGroup& unit) {
                    const bool runs = any_of_them(unit, ran);
                    return std::tuple(runs, runs ? running_in(unit, domain) : Bytes(0),
                                      waited(unit, rotation, now));
                  }),
          rotation, room, now);
}

// Who has waited longest comes first, then who began to run last.
void switch_groups(Rotation& rotation, const Units& found, Bytes room, const MemoryDomain& domain,
                   Time now) {
  learn_from(rotation, domain);
  ++rotation.switches;
  let_run(in_line(found.units,
                  [&](const TaskGroup& unit) {
                    return std::pair(waited(unit, rotation, now), began_of(unit, rotation));
                  }),
          rotation, room, now);
  rotation.switched_at = now;
  rotation.settled_after.reset();
}

}  // namespace

Slice slice_for(std::size_t groups, Time switch_cost, Time acting_took,
                const ThrashPolicy& policy) {
  Slice slice;
  slice.length = std::max(policy.least_slice, scaled(switch_cost, policy.switch_worth));
  if (groups < 2) return slice;
  const Time bound = policy.most_wait / static_cast<std::int64_t>(groups - 1) - acting_took;
  slice.length = std::min(slice.length, bound);
  slice.waits_too_long = slice.length < policy.shortest_slice;
  slice.length = std::max(slice.length, policy.shortest_slice);
  return slice;
}

Turn begin_turns(Rotation& rotation, const MemoryDomain& domain, const ThrashPolicy& policy,
                 Time now) {
  const Units found = units_in(domain, rotation.learnt, policy);
  const Bytes room = less(room_in(domain, policy), found.spared);
  if (found.units.size() < 2)
    return all_may_run(found.units.empty()
                           ? "nothing that thrashes may be held still"
                           : "what thrashes belongs together: one part can't wait for another");
  let_run(in_line(found.units, [&](const TaskGroup& unit) { return resident_of(unit, domain); }),
          rotation, room, now);
  if (rotation.groups.size() < 2) return all_may_run("what may be held still fits already");
  rotation.switched_at = now;
  Turn turn;
  turn.changed = true;
  turn.reason =
      fmt::format("{} groups take turns in {}", rotation.groups.size(), human_bytes(room));
  time_turn(rotation, Time(0), policy, now, turn);
  tell_too_large(rotation, room, turn);
  return turn;
}

Turn go_on_with_turns(Rotation& rotation, const MemoryDomain& domain, const Signs& signs,
                      Time acting_took, const ThrashPolicy& policy, Time now) {
  const Bytes all_room = room_in(domain, policy);
  std::erase_if(rotation.learnt,
                [&](const auto& one) { return find_task(domain, one.first) == nullptr; });
  if (const Bytes demand = demand_of(rotation, domain); demand <= all_room)
    return all_may_run(fmt::format("all that runs needs {}, which fits into {}",
                                   human_bytes(demand), human_bytes(all_room)));
  const Units found = units_in(domain, rotation.learnt, policy);
  const Bytes room = less(all_room, found.spared);
  if (found.units.size() < 2) return all_may_run("there is nobody left to take turns with");

  const std::vector<TaskId> ran = rotation.groups.front().tasks;
  keep_running(rotation, found, room, domain, now);
  if (rotation.groups.size() < 2) return all_may_run("all that may be held still fits now");
  Turn turn;
  const std::size_t still = still_there(found, ran);
  if (still == 0) {
    rotation.switched_at = now;
    rotation.settled_after.reset();
    turn.changed = true;
    turn.reason = "what ran has ended";
  } else if (still_there({{rotation.groups.front()}, {}}, ran) < still) {
    turn.changed = true;
    turn.reason = "what runs does not fit or hang together any more";
  }
  if (still > 0) {
    note_settling(rotation, signs, acting_took, policy, now);
    time_turn(rotation, acting_took, policy, now, turn);
    if (now >= turn.until && !turn.changed) {
      switch_groups(rotation, found, room, domain, now);
      if (rotation.groups.size() < 2) return all_may_run("all that may be held still fits now");
      turn.changed = true;
      turn.reason = fmt::format("the others' turn after {:.1f} s", in_seconds(turn.slice));
    }
  }
  turn.notes.clear();
  time_turn(rotation, acting_took, policy, now, turn);
  tell_too_large(rotation, room, turn);
  return turn;
}

}  // namespace brim::thrash::tune
