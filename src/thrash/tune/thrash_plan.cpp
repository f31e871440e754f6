// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/thrash_plan.h"

#include "base/text.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::tune {
namespace {

constexpr unsigned kLooksToBelieve = 2;
constexpr Time kSoonestLook = std::chrono::milliseconds(20);
constexpr Time kLookWhileSettling = std::chrono::milliseconds(250);

constexpr double kTrial = 10;       // seconds
constexpr double kRemembered = 40;  // seconds; older work counts half
constexpr double kClearly = 0.5;
constexpr Time kNoMoreTurns = std::chrono::seconds(60);

const DomainHistory* history_of(const ThrashHistory& history, const std::string& name) {
  for (const DomainHistory& one : history.domains)
    if (one.name == name) return &one;
  return nullptr;
}

void take_turn(Turn turn, DomainHistory& history, DomainPlan& plan, Time& until) {
  plan.notes = std::move(turn.notes);
  plan.slice = turn.slice;
  until = turn.until;
  if (!turn.reason.empty()) plan.reason = std::move(turn.reason);
  if (!turn.over) {
    plan.groups = history.rotation.groups;
    return;
  }
  history.let_go_by_need = !history.rotation.learnt.empty();
  history.state = DomainState::calm;
  history.looks_with_signs = 0;
  history.rotation.groups.clear();
}

void add_to(Yield& yield, const std::optional<double>& work_per_s, Time passed) {
  if (!work_per_s) return;
  const double seconds = std::chrono::duration<double>(passed).count();
  yield.seconds += seconds;
  yield.work += *work_per_s * seconds;
  if (yield.seconds < kRemembered) return;
  yield.seconds /= 2;
  yield.work /= 2;
}

bool is_clearly_less(double turns, double thrashing) { return turns < kClearly * thrashing; }

// Whether turns did less than thrashing, over long enough to tell.
bool turns_do_less(const DomainHistory& history) {
  const auto thrashing = history.thrashing.per_s();
  return thrashing && history.turns.seconds >= kTrial && history.rotation.all_had_a_turn() &&
         is_clearly_less(*history.turns.per_s(), *thrashing);
}

Turn give_up(DomainHistory& history, Time now) {
  Turn turn;
  turn.over = true;
  turn.changed = true;
  turn.reason = fmt::format(
      "taking turns got less done than thrashing: {:.2f} s of processor time a second, and {:.2f} "
      "before",
      *history.turns.per_s(), *history.thrashing.per_s());
  history.turns_yielded = history.turns.per_s();
  history.no_turns_before = now + kNoMoreTurns;
  return turn;
}

bool may_try_turns(const DomainHistory& history, Time now) {
  if (!history.turns_yielded) return true;
  return now >= history.no_turns_before &&
         !is_clearly_less(*history.turns_yielded, history.thrashing.per_s().value_or(0));
}

void start_turns(const MemoryDomain& domain, const ThrashPolicy& policy, Time now,
                 DomainHistory& history, DomainPlan& plan, Time& until) {
  Rotation rotation;
  rotation.distrust_learnt = history.let_go_by_need;
  rotation.switch_cost = history.rotation.switch_cost;
  history.rotation = std::move(rotation);
  const std::string signs = words_of(plan.signs);
  Turn turn = begin_turns(history.rotation, domain, policy, now);
  if (turn.over) {
    plan.notes.push_back("it thrashes, and taking turns can't help: " + turn.reason);
    plan.reason = signs;
    return;  // watched on
  }
  history.state = DomainState::turns;
  history.turns = Yield();
  turn.reason = fmt::format("{}; {}", signs, turn.reason);
  take_turn(std::move(turn), history, plan, until);
}

void watch(const MemoryDomain& domain, bool triggered, const ThrashPolicy& policy, Time now,
           DomainHistory& history, DomainPlan& plan, Time& until) {
  const bool signs = thrashes(plan.signs, policy);
  history.looks_with_signs = signs ? history.looks_with_signs + 1 : 0;
  if (!signs) history.thrashing = Yield();
  if (signs) add_to(history.thrashing, plan.signs.work_per_s, now - history.counters.at);
  const bool cause = triggered || suspicious(plan.signs, policy);
  history.state = cause ? DomainState::watched : DomainState::calm;
  plan.reason = words_of(plan.signs);
  const unsigned believed = triggered ? 1 : kLooksToBelieve;
  if (signs && history.looks_with_signs >= believed && may_try_turns(history, now))
    start_turns(domain, policy, now, history, plan, until);
}

void go_on(const MemoryDomain& domain, Time acting_took, const ThrashPolicy& policy, Time now,
           DomainHistory& history, DomainPlan& plan, Time& until) {
  add_to(history.turns, plan.signs.most_work_per_s, now - history.counters.at);
  Turn turn = turns_do_less(history) ? give_up(history, now)
                                     : go_on_with_turns(history.rotation, domain, plan.signs,
                                                        acting_took, policy, now);
  take_turn(std::move(turn), history, plan, until);
}

// One that is inside another which takes turns.
void leave_to_outer(DomainHistory& history, DomainPlan& plan) {
  history.state = DomainState::calm;
  history.looks_with_signs = 0;
  history.rotation = Rotation();
  plan.reason = "its tasks take turns with others outside it";
}

bool has_any(const MemoryDomain& domain, const std::set<TaskId>& tasks) {
  return std::any_of(domain.tasks.begin(), domain.tasks.end(),
                     [&](const Task& task) { return tasks.contains(task.id); });
}

// Who stands still by the groups of one domain.
void add_waiting(const DomainPlan& plan, std::set<TaskId>& frozen) {
  for (std::size_t i = 1; i < plan.groups.size(); ++i)
    frozen.insert(plan.groups[i].tasks.begin(), plan.groups[i].tasks.end());
}

void add_action(Act act, const std::string& domain, std::vector<TaskId> tasks, std::string reason,
                std::vector<Action>& actions) {
  if (!tasks.empty()) actions.push_back({act, domain, std::move(tasks), std::move(reason)});
}

// What is to stand still and does not yet; what need not any more.
struct Difference {
  std::vector<TaskId> freeze;
  std::vector<TaskId> thaw;
  std::vector<TaskId> fetch;  // of those that thaw, what has memory that is out
};
Difference difference_in(const MemoryDomain& domain, const std::set<TaskId>& frozen,
                         std::set<TaskId>& seen) {
  Difference found;
  for (const Task& task : domain.tasks) {
    if (!seen.insert(task.id).second) continue;
    const bool stays = frozen.contains(task.id);
    if (stays && !task.frozen_since) found.freeze.push_back(task.id);
    if (stays || !task.frozen_since) continue;
    found.thaw.push_back(task.id);
    if (task.swapped.count() > 0) found.fetch.push_back(task.id);
  }
  return found;
}

// All of them together may come in only where there is room for them.
bool fits_whole(const MemoryDomain& domain, const DomainPlan& plan, const ThrashPolicy& policy) {
  if (plan.groups.empty()) return true;
  Bytes all;
  for (const Task& task : domain.tasks)
    if (holds(plan.groups.front(), task.id) || !may_be_frozen(task, policy))
      all += task.resident + task.swapped;
  return all <= plan.signs.room;
}

void plan_actions(const ThrashSnapshot& snapshot, const ThrashPolicy& policy, ThrashPlan& plan) {
  const std::set<TaskId> frozen(plan.frozen.begin(), plan.frozen.end());
  std::set<TaskId> seen;
  // All that stops before anything starts: else both are in memory at once.
  std::vector<Action> stops;
  std::vector<Action> starts;
  for (std::size_t i = 0; i < snapshot.domains.size(); ++i) {
    const MemoryDomain& domain = snapshot.domains[i];
    const DomainPlan& its = plan.domains[i];
    Difference change = difference_in(domain, frozen, seen);
    const std::string why = its.reason;
    add_action(Act::freeze, domain.name, change.freeze, why, stops);
    if (policy.page_out)
      add_action(Act::page_out, domain.name, change.freeze, "room for those that run", stops);
    if (policy.prefetch && fits_whole(domain, its, policy))
      add_action(Act::prefetch, domain.name, change.fetch, "faster than a page at a time", starts);
    add_action(Act::thaw, domain.name, change.thaw, why, starts);
  }
  plan.actions = std::move(stops);
  std::move(starts.begin(), starts.end(), std::back_inserter(plan.actions));
}

Time look_again(const DomainHistory& history, Time until, const ThrashPolicy& policy, Time now) {
  switch (history.state) {
    case DomainState::calm:
      return policy.look_interval;
    case DomainState::watched:
      return policy.look_interval / 2;
    case DomainState::turns:
      break;
  }
  const Time most = history.rotation.settled_after
                        ? policy.look_interval
                        : std::min(kLookWhileSettling, policy.look_interval);
  return std::clamp(until - now, kSoonestLook, std::max(most, kSoonestLook));
}

// Nothing is known of the tasks: the groups stay as they are until they are.
void wait_for_tasks(const DomainHistory& history, DomainPlan& plan) {
  if (history.state == DomainState::turns) plan.groups = history.rotation.groups;
  plan.reason = words_of(plan.signs);
}

}  // namespace

std::string_view name_of(DomainState state) {
  switch (state) {
    case DomainState::calm:
      return "calm";
    case DomainState::watched:
      return "watched";
    case DomainState::turns:
      return "turns";
  }
  return "calm";
}

std::string_view name_of(Act act) {
  switch (act) {
    case Act::freeze:
      return "freeze";
    case Act::page_out:
      return "page_out";
    case Act::prefetch:
      return "prefetch";
    case Act::thaw:
      return "thaw";
  }
  return "thaw";
}

ThrashPlan plan(const ThrashSnapshot& snapshot, const ThrashHistory& history,
                const ThrashPolicy& policy, Time now) {
  ThrashPlan plan;
  plan.next_look = policy.look_interval;
  std::set<TaskId> frozen;
  std::set<TaskId> taken;  // by outer domains' turns
  for (const MemoryDomain& domain : snapshot.domains) {
    const DomainHistory* const known = history_of(history, domain.name);
    DomainHistory next = known != nullptr ? *known : DomainHistory();
    DomainPlan its;
    its.name = next.name = domain.name;
    if (known == nullptr) next.counters = counters_of(domain, now);
    its.signs = signs_between(next.counters, domain, snapshot.processors, policy, now);
    const DomainState before = next.state;
    Time until = now + policy.look_interval;
    if (!domain.tasks_known && before == DomainState::turns)
      wait_for_tasks(next, its);
    else if (has_any(domain, taken))
      leave_to_outer(next, its);
    else if (before == DomainState::turns)
      go_on(domain, snapshot.acting_took, policy, now, next, its, until);
    else
      watch(domain, snapshot.triggered, policy, now, next, its, until);
    its.state = next.state;
    its.changed = its.state != before;
    if (next.state == DomainState::turns)
      for (const TaskGroup& group : its.groups)
        taken.insert(group.tasks.begin(), group.tasks.end());
    add_waiting(its, frozen);
    plan.next_look = std::min(plan.next_look, look_again(next, until, policy, now));
    plan.closely = plan.closely || next.state != DomainState::calm;
    next.counters = counters_of(domain, now);
    plan.domains.push_back(std::move(its));
    plan.history.domains.push_back(std::move(next));
  }
  plan.frozen.assign(frozen.begin(), frozen.end());
  plan_actions(snapshot, policy, plan);
  return plan;
}

}  // namespace brim::thrash::tune
