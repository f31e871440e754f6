// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which tasks can run together: what they need against the room there is; for those that wait their
// turn bin packing, as in Reuven and Wiseman's medium-term scheduler (The Computer Journal, 2006).
// Tasks that wait for each other are one unit that is never parted; interactive, protected and
// standing ones are in every group, so their need is taken off the room.
//
// First fit decreasing: at most 11/9 of the fewest groups, and one more (Johnson 1973).

#include "thrash/tune/thrash_policy.h"
#include "thrash/tune/thrash_snapshot.h"

#include <map>
#include <optional>
#include <vector>

namespace brim::thrash::tune {

struct TaskGroup {
  std::vector<TaskId> tasks;  // ascending
  Bytes need;
  bool too_large = false;  // it does not fit alone: nothing runs beside it
  bool operator==(const TaskGroup&) const = default;
};

// What tasks were seen to need, where that is less than all they have.
using LearntNeeds = std::map<TaskId, Bytes>;
[[nodiscard]] Bytes need_of(const Task& task, const LearntNeeds& learnt);

// Whether it may be held still.
[[nodiscard]] bool may_be_frozen(const Task& task, const ThrashPolicy& policy);

struct Units {
  std::vector<TaskGroup> units;  // by first task
  Bytes spared;                  // need of those that may not be held still
};
[[nodiscard]] Units units_in(const MemoryDomain& domain, const LearntNeeds& learnt,
                             const ThrashPolicy& policy);

// Each unit in one group; largest first. A group needs at most `room`, or is a single unit.
[[nodiscard]] std::vector<TaskGroup> pack(std::vector<TaskGroup> units, Bytes room);

// Null where it is not there.
[[nodiscard]] const Task* find_task(const MemoryDomain& domain, const TaskId& id);
[[nodiscard]] bool holds(const TaskGroup& group, const TaskId& id);

}  // namespace brim::thrash::tune
