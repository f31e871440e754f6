// SPDX-License-Identifier: Apache-2.0
#include "guard/thrash_guard.h"

#include "base/own_time.h"
#include "host/process_advice.h"

#include <algorithm>
#include <chrono>

namespace brim::guard {
namespace {

using thrash::tune::Act;
using thrash::tune::Action;
using thrash::tune::TaskId;
using thrash::tune::ThrashPlan;
using thrash::tune::Time;

// Looking may take one part in so many of the time, less where nothing thrashes.
constexpr int kCalmLookShare = 50;
constexpr int kCloseThrashLookShare = 10;
constexpr auto kAlarmWindow = std::chrono::seconds(1);  // as short as is quick, and told about once
// It takes two close looks to know the tasks.
constexpr auto kAlarmCounts = std::chrono::seconds(3);
// A group of 400 MB lost half of its list between two counts in less than half a second.
constexpr auto kCountEach = std::chrono::milliseconds(50);
constexpr int kCountShare = 100;  // counting may take one part in so many of the time

Time time_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

}  // namespace

ThrashGuard::ThrashGuard(const host::Host& host, ThrashReader& reader,
                         const thrash::tune::ThrashPolicy& policy, ActionLog& log,
                         host::HeldTasks* held)
    : host_(host), reader_(reader), policy_(policy), log_(log), held_(held) {
  set_alarms(host);
  if (held_ != nullptr) reader_.spare(held_->watchdog_pid());
}

// Without them it takes a look more.
void ThrashGuard::set_alarms(const host::Host& host) {
  using std::chrono::microseconds;
  const microseconds window = kAlarmWindow;
  const auto waited = std::chrono::duration_cast<microseconds>(
      window * std::max(1.0, policy_.pressure_percent) / 100);
  for (const std::string& file : reader_.pressure_files())
    if (auto trigger = host::PressureTrigger::open(host, file, waited, window))
      triggers_.push_back(std::move(*trigger));
}

// Once it looks closely it needs no alarm.
std::vector<int> ThrashGuard::alarms() const {
  std::vector<int> files;
  if (!closely_)
    for (const host::PressureTrigger& trigger : triggers_) files.push_back(trigger.descriptor());
  return files;
}

// Tasks are looked at without a cheap look before.
void ThrashGuard::alarmed() {
  alarmed_at_ = time_now();
  closely_ = true;
  look_due_ = Time(0);
}

void ThrashGuard::tell_problem(const Error& error) {
  // Once, not at every look.
  const std::string problem = error_line(error);
  if (problem != told_problem_) log_.problem("thrash", error);
  told_problem_ = problem;
}

void ThrashGuard::tell(const ThrashPlan& plan) {
  for (const thrash::tune::DomainPlan& domain : plan.domains) {
    // A closer look now and then is no news.
    const bool turns = domain.state == thrash::tune::DomainState::turns;
    if (first_ || turns != in_turns_.contains(domain.name)) log_.domain(domain);
    if (turns)
      in_turns_.insert(domain.name);
    else
      in_turns_.erase(domain.name);
    std::vector<std::string>& told = told_notes_[domain.name];
    for (const std::string& note : domain.notes)
      if (std::find(told.begin(), told.end(), note) == told.end()) log_.note(domain.name, note);
    if (!domain.notes.empty() || domain.changed) told = domain.notes;
  }
}

void ThrashGuard::remember(const thrash::tune::ThrashSnapshot& snapshot) {
  if (closely_) tasks_.clear();
  for (const thrash::tune::MemoryDomain& domain : snapshot.domains)
    for (const thrash::tune::Task& task : domain.tasks) tasks_.insert_or_assign(task.id, task);
}

std::vector<std::string> ThrashGuard::names_of(const std::vector<TaskId>& tasks) const {
  std::vector<std::string> names;
  for (const TaskId& id : tasks) {
    const auto at = tasks_.find(id);
    names.push_back(at == tasks_.end() ? "?" : at->second.name);
  }
  return names;
}

std::vector<TaskId> ThrashGuard::held_ids() const {
  std::vector<TaskId> ids;
  for (const host::HeldTasks::Held& one : held_->held()) ids.push_back(task_id_of(one.process));
  return ids;
}

void ThrashGuard::hold(const std::vector<TaskId>& tasks) {
  std::vector<host::HeldTasks::Wanted> wanted;
  for (const TaskId& id : tasks) {
    const auto at = tasks_.find(id);
    wanted.push_back({process_of(id), at != tasks_.end() && at->second.machine});
  }
  for (const Error& problem : held_->hold_exactly(wanted)) tell_problem(problem);
}

// In bulk, out or in. A process that has exited needs neither.
void ThrashGuard::advise(const Action& action) {
  for (const TaskId& id : action.tasks) {
    const auto process = host::Process::open(host_, process_of(id).pid);
    if (!process || process->start_ticks() != id.since) continue;
    const auto advised =
        action.act == Act::page_out ? host::page_out(*process) : host::prefetch(*process);
    if (advised || advised.error().code == ErrorCode::gone) continue;
    if (action.act == Act::prefetch || !reclaim_instead(id)) tell_problem(advised.error());
  }
}

// Where the kernel takes no advice for another process: of its whole cgroup, if that stands still.
bool ThrashGuard::reclaim_instead(const TaskId& id) const {
  const auto task = tasks_.find(id);
  if (task == tasks_.end()) return false;
  for (const host::HeldTasks::Held& held : held_->held())
    if (held.process == process_of(id) && held.means == host::HoldMeans::cgroup_v2)
      return host::reclaim_group(host_, held.place, task->second.resident).has_value();
  return false;
}

void ThrashGuard::apply(const ThrashPlan& plan) {
  const std::vector<TaskId> before = held_ids();
  if (plan.actions.empty() && before == plan.frozen) return;
  const Time began = time_now();
  std::vector<TaskId> both;  // nothing goes on before what is to stop has stopped
  std::set_union(before.begin(), before.end(), plan.frozen.begin(), plan.frozen.end(),
                 std::back_inserter(both));
  if (both != before) hold(both);
  for (const Action& action : plan.actions)
    if (action.act == Act::page_out || action.act == Act::prefetch) advise(action);
  if (both != plan.frozen) hold(plan.frozen);
  if (!plan.actions.empty()) acting_took_ = time_now() - began;
  for (const Action& action : plan.actions) log_.action(action, names_of(action.tasks), true);
}

// Advising only, it changes nothing of what the kernel does.
Result<Time> ThrashGuard::step(Time now) {
  Time counting_took{0};
  if (now >= look_due_) {
    BRIM_TRY(const Time pause, look(now));
    look_due_ = now + pause;
  } else {
    const Time began = process_time();
    reader_.count_reclaiming();
    counting_took = process_time() - began;
  }
  const Time left = look_due_ - now;
  if (held_ == nullptr || !policy_.keep_counted || !reader_.any_reclaims()) return left;
  return std::min(left, std::max<Time>(kCountEach, counting_took * kCountShare));
}

Result<Time> ThrashGuard::look(Time now) {
  const Time began = process_time();
  if (held_ != nullptr) {
    const auto renewed = held_->renew_watchdog();
    if (!renewed) tell_problem(renewed.error());
    if (renewed && *renewed) reader_.spare(held_->watchdog_pid());
  }
  BRIM_TRY(thrash::tune::ThrashSnapshot snapshot,
           reader_.look(closely_,
                        held_ != nullptr ? held_->held() : std::vector<host::HeldTasks::Held>{}));
  for (const Error& problem : reader_.problems()) tell_problem(problem);
  snapshot.triggered = alarmed_at_ && now - *alarmed_at_ <= kAlarmCounts;
  snapshot.acting_took = acting_took_;
  const Time took = process_time() - began;
  remember(snapshot);
  ThrashPlan plan = thrash::tune::plan(snapshot, history_, policy_, now);
  tell(plan);
  // Advising only, the machine does not follow: what would be done is told once.
  const bool changed = std::any_of(plan.domains.begin(), plan.domains.end(),
                                   [](const auto& domain) { return domain.changed; });
  if (held_ != nullptr)
    apply(plan);
  else if (changed)
    for (const Action& action : plan.actions) log_.action(action, names_of(action.tasks), false);
  first_ = false;
  const Time most = took * (closely_ ? kCloseThrashLookShare : kCalmLookShare);
  closely_ = plan.closely;
  history_ = std::move(plan.history);
  return std::max(plan.next_look, most);
}

void ThrashGuard::wind_up() {
  if (held_ == nullptr) return;
  const std::size_t tasks = held_->held().size();
  for (const Error& problem : held_->hold_exactly({})) tell_problem(problem);
  if (tasks > 0) log_.let_go(tasks);
}

}  // namespace brim::guard
