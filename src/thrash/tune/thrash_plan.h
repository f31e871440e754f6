// SPDX-License-Identifier: Apache-2.0
#pragma once
// The thrash guard: tells thrashing from mere use, and makes groups of tasks that fit into memory
// take turns, so that an overcommitted machine does its work instead of moving pages. Kills
// nothing. Pure: the same snapshot, history, policy and time give the same plan; who applies it is
// another's business.
//
// A domain is calm; watched, once its cheap counters are suspicious; taking turns, once two looks
// after each other (or one, where the kernel raised the alarm) show all signs of thrashing
// (thrash_signs.h); and calm again when all fits. Where a domain takes turns, those inside it are
// left alone: their tasks take part in its turns.
//
// Taking turns must be worth it: once there were turns for kTrial, and everybody had one, their
// work (Signs::most_work_per_s) is held against what was done while all thrashed (its work_per_s).
// Where it is clearly less all may run, and turns are not tried again for kNoMoreTurns, and after
// that only where they would not be clearly less than thrashing then. Clearly is less than half:
// the same work takes up to twice the user time where memory has just come back (seen on zram), and
// of short times ticks tell little.
//
// What is not to run stands still and goes out of memory in bulk; what is to run comes in in bulk
// before it runs. Without that, short slices are lost to single faults.
//
// LIMIT: what waits for each other over sockets is not known, unless the policy names it
// (`together`).
// LIMIT: the time that bringing a group in takes comes on top of `most_wait` where it takes longer
// than the last time.

#include "thrash/tune/rotation.h"
#include "thrash/tune/thrash_policy.h"
#include "thrash/tune/thrash_signs.h"
#include "thrash/tune/thrash_snapshot.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::thrash::tune {

enum class DomainState : std::uint8_t { calm, watched, turns };
[[nodiscard]] std::string_view name_of(DomainState state);

// Work that was done over some time, in processor time.
struct Yield {
  double seconds = 0;
  double work = 0;  // seconds of it
  [[nodiscard]] std::optional<double> per_s() const {
    return seconds > 0 ? std::optional(work / seconds) : std::nullopt;
  }
};

// What was seen so far; begins empty, and goes from one plan to the next.
struct DomainHistory {
  std::string name;
  DomainState state = DomainState::calm;
  DomainCounters counters;
  unsigned looks_with_signs = 0;  // after each other
  Rotation rotation;
  bool let_go_by_need = false;  // the last turns ended because of needs that had been learnt
  Yield thrashing;              // since signs were first seen after each other
  Yield turns;                  // at most, since turns began
  std::optional<double> turns_yielded;  // a second, of turns that did less than thrashing had
  Time no_turns_before{0};              // because of that
};
struct ThrashHistory {
  std::vector<DomainHistory> domains;
};

enum class Act : std::uint8_t { freeze, page_out, prefetch, thaw };
[[nodiscard]] std::string_view name_of(Act act);

struct Action {
  Act act = Act::freeze;
  std::string domain;
  std::vector<TaskId> tasks;  // ascending
  std::string reason;
};

struct DomainPlan {
  std::string name;
  DomainState state = DomainState::calm;
  bool changed = false;  // the state, since the plan before
  std::string reason;
  Signs signs;
  std::vector<TaskGroup> groups;  // that take turns, or would if it thrashed; the first runs
  Time slice{0};
  std::vector<std::string> notes;
};

struct ThrashPlan {
  std::vector<DomainPlan> domains;
  std::vector<Action> actions;  // in the order they must be made
  std::vector<TaskId> frozen;   // all that stand still then, ascending; nothing else may
  bool closely = false;         // the next look is to read tasks
  Time next_look{0};            // from now
  ThrashHistory history;
};

[[nodiscard]] ThrashPlan plan(const ThrashSnapshot& snapshot, const ThrashHistory& history,
                              const ThrashPolicy& policy, Time now);

}  // namespace brim::thrash::tune
