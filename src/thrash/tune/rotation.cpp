// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/rotation.h"

#include "base/text.h"

#include <algorithm>
#include <set>
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

template <class Worth>
void put_first(std::vector<TaskGroup>& groups, Worth worth) {
  const auto best =
      std::max_element(groups.begin(), groups.end(),
                       [&](const TaskGroup& a, const TaskGroup& b) { return worth(a) < worth(b); });
  if (best != groups.end()) std::rotate(groups.begin(), best, best + 1);
}

void by_waiting(std::vector<TaskGroup>& groups, std::size_t from, const MemoryDomain& domain,
                Time now) {
  std::stable_sort(groups.begin() + static_cast<std::ptrdiff_t>(std::min(from, groups.size())),
                   groups.end(), [&](const TaskGroup& a, const TaskGroup& b) {
                     return waited(a, domain, now) > waited(b, domain, now);
                   });
}

Bytes less(Bytes all, Bytes part) { return all > part ? all - part : Bytes(0); }

// Where each unit is now. False where the groups don't do any more: one has outgrown the room, or
// tasks that wait for each other are in several.
class GroupUpdate {
 public:
  GroupUpdate(std::vector<TaskGroup>& groups, Bytes room)
      : old_(std::exchange(groups, {})), groups_(groups), room_(room), members_(old_.size()) {
    groups_.resize(old_.size());
  }

  bool take(const std::vector<TaskGroup>& units) {
    bool whole = true;
    std::vector<const TaskGroup*> newcomers;
    for (const TaskGroup& unit : units) {
      const std::set<std::size_t> places = places_of(unit);
      if (places.empty()) {
        newcomers.push_back(&unit);
        continue;
      }
      add(*places.begin(), unit);
      whole = whole && places.size() == 1;
    }
    for (const TaskGroup* const unit : newcomers) place(*unit);
    for (std::size_t i = 0; i < groups_.size(); ++i) {
      std::sort(groups_[i].tasks.begin(), groups_[i].tasks.end());
      groups_[i].too_large = groups_[i].need > room_;
      whole = whole && (!groups_[i].too_large || members_[i] == 1);
    }
    return whole;
  }

 private:
  [[nodiscard]] std::set<std::size_t> places_of(const TaskGroup& unit) const {
    std::set<std::size_t> places;
    for (std::size_t i = 0; i < old_.size(); ++i)
      for (const TaskId& id : unit.tasks)
        if (holds(old_[i], id)) places.insert(i);
    return places;
  }
  void add(std::size_t place, const TaskGroup& unit) {
    TaskGroup& group = groups_[place];
    group.tasks.insert(group.tasks.end(), unit.tasks.begin(), unit.tasks.end());
    group.need += unit.need;
    ++members_[place];
  }
  // Beside the first that has room for it, or at the end.
  void place(const TaskGroup& unit) {
    for (std::size_t i = 0; i < groups_.size(); ++i)
      if (groups_[i].need + unit.need <= room_) return add(i, unit);
    groups_.emplace_back();
    members_.push_back(0);
    add(groups_.size() - 1, unit);
  }

  std::vector<TaskGroup> old_;
  std::vector<TaskGroup>& groups_;
  Bytes room_;
  std::vector<std::size_t> members_;  // units of each
};

void pack_again(Rotation& rotation, const Units& found, Bytes room, const MemoryDomain& domain,
                Time now) {
  rotation.groups = pack(found.units, room);
  rotation.turns_left = rotation.groups.size();
  by_waiting(rotation.groups, 0, domain, now);
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
void time_turn(const Rotation& rotation, const MemoryDomain& domain, Time acting_took,
               const ThrashPolicy& policy, Time now, Turn& turn) {
  const Slice slice = slice_for(rotation.groups.size(), rotation.switch_cost, acting_took, policy);
  const Time began = rotation.switched_at + acting_took;
  turn.slice = slice.length;
  turn.until = began + slice.length;
  Time longest{0};
  for (std::size_t i = 1; i < rotation.groups.size(); ++i)
    longest = std::max(longest, waited(rotation.groups[i], domain, now));
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

// The next group runs, and after a round the groups are made anew.
void switch_groups(Rotation& rotation, const Units& found, Bytes room, const MemoryDomain& domain,
                   Time now) {
  learn_from(rotation, domain);
  if (rotation.turns_left > 1) {
    --rotation.turns_left;
    std::rotate(rotation.groups.begin(), rotation.groups.begin() + 1, rotation.groups.end());
    by_waiting(rotation.groups, 0, domain, now);
  } else {
    pack_again(rotation, found, room, domain, now);
  }
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
  rotation.groups = pack(found.units, room);
  if (rotation.groups.size() < 2) return all_may_run("what may be held still fits already");
  rotation.turns_left = rotation.groups.size();
  put_first(rotation.groups, [&](const TaskGroup& group) { return resident_of(group, domain); });
  rotation.switched_at = now;
  Turn turn;
  turn.changed = true;
  turn.reason =
      fmt::format("{} groups take turns in {}", rotation.groups.size(), human_bytes(room));
  time_turn(rotation, domain, Time(0), policy, now, turn);
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

  Turn turn;
  const bool whole = GroupUpdate(rotation.groups, room).take(found.units);
  if (!whole) {
    pack_again(rotation, found, room, domain, now);
    put_first(rotation.groups, [&](const TaskGroup& group) { return running_in(group, domain); });
    turn.reason = "a group does not fit or hang together any more";
    turn.changed = true;
  }
  const bool front_gone = rotation.groups.front().tasks.empty();
  std::erase_if(rotation.groups, [](const TaskGroup& group) { return group.tasks.empty(); });
  if (rotation.groups.size() < 2) return all_may_run("all that may be held still fits now");
  if (front_gone) {
    rotation.switched_at = now;
    rotation.settled_after.reset();
    turn.changed = true;
    turn.reason = "what ran has ended";
  } else {
    note_settling(rotation, signs, acting_took, policy, now);
    time_turn(rotation, domain, acting_took, policy, now, turn);
    if (now >= turn.until && !turn.changed) {
      switch_groups(rotation, found, room, domain, now);
      if (rotation.groups.size() < 2) return all_may_run("all that may be held still fits now");
      turn.changed = true;
      turn.reason = fmt::format("the others' turn after {:.1f} s", in_seconds(turn.slice));
    }
  }
  turn.notes.clear();
  time_turn(rotation, domain, acting_took, policy, now, turn);
  tell_too_large(rotation, room, turn);
  return turn;
}

}  // namespace brim::thrash::tune
