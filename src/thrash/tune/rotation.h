// SPDX-License-Identifier: Apache-2.0
#pragma once
// Groups of tasks that take turns: who runs, how long, and when all may run again. One domain's;
// pure, as all of the tuner.
//
// Each switch lets those run that have waited longest, as many as fit, and beside them whoever else
// fits of those that run already, the last to begin before others: no more leave than must, and
// each has its turn. (Groups that are parted for good would waste what is left of the room: of ten
// tasks in room for eight five would run at a time, on average.)
//
// A slice is `switch_worth` times what the last switch took until memory had settled, so that
// bringing a group in is a small part of the time; and at most so long that the others wait no
// longer than `most_wait`. Where those that run have grown out of their room groups are made anew
// at once.

#include "thrash/tune/task_groups.h"
#include "thrash/tune/thrash_signs.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::tune {

struct Rotation {
  std::vector<TaskGroup> groups;         // the first runs; the others as they would fit
  std::map<TaskId, Time> running_since;  // of the first
  std::map<TaskId, Time> waiting_since;  // of the others; a host may hold them anew meanwhile
  Time switched_at{0};
  std::optional<Time> settled_after;  // the switch: until then its memory came in
  Time switch_cost{0};                // the last one's; 0: not measured yet
  LearntNeeds learnt;
  bool distrust_learnt = false;  // all were let go once because of it, and thrashed again
  std::size_t switches = 0;

  // Everybody that takes part has run since turns began.
  [[nodiscard]] bool all_had_a_turn() const { return switches >= groups.size(); }
};

struct Turn {
  bool changed = false;  // another group runs from now on
  bool over = false;     // everything may run
  std::string reason;
  Time slice{0};
  Time until{0};  // the end of the slice, or sooner where somebody must not wait longer
  std::vector<std::string> notes;  // what can't be had
};

// Begins: `rotation` is new. Over at once where taking turns can't help; the reason says why.
[[nodiscard]] Turn begin_turns(Rotation& rotation, const MemoryDomain& domain,
                               const ThrashPolicy& policy, Time now);
// A look later.
[[nodiscard]] Turn go_on_with_turns(Rotation& rotation, const MemoryDomain& domain,
                                    const Signs& signs, Time acting_took,
                                    const ThrashPolicy& policy, Time now);

struct Slice {
  Time length{0};
  bool waits_too_long = false;  // even the shortest slices make others wait longer than most_wait
};
// `groups`: how many take turns, 2 or more. `acting_took`: a switch, until the group may run.
[[nodiscard]] Slice slice_for(std::size_t groups, Time switch_cost, Time acting_took,
                              const ThrashPolicy& policy);

}  // namespace brim::thrash::tune
