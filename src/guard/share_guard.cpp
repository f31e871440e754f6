// SPDX-License-Identifier: Apache-2.0
#include "guard/share_guard.h"

#include "base/own_time.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <poll.h>

namespace brim::guard {
namespace {

using share::tune::Phase;
using share::tune::SharePlan;
using share::tune::Time;

// Looking may take one part in so many of the time.
constexpr int kLookShare = 20;
constexpr int kLookShareWhileScanning = 5;  // the end of a scan is not to be missed
constexpr int kCloseLookShare = 200;
constexpr Time kBetweenCloseLooks = std::chrono::minutes(1);

Time steady_now() { return std::chrono::steady_clock::now().time_since_epoch(); }

// poll() ends when a signal comes, which sleeping through would miss.
void wait_for(Time time, const Cancel& cancel) {
  const Time end = steady_now() + time;
  while (!cancel.requested()) {
    const Time left = end - steady_now();
    if (left <= Time(0)) return;
    constexpr std::int64_t kSliceMs =
        500;  // a signal between the question and poll() waits so long
    const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
    (void)::poll(nullptr, 0, static_cast<int>(std::min(ms, kSliceMs)));
  }
}

bool same(const std::vector<share::tune::Advice>& a, const std::vector<share::tune::Advice>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const auto& one, const auto& other) { return one.pid == other.pid; });
}

}  // namespace

bool ShareGuard::close_look_due(Time now) const {
  if (history_.phase != Phase::resting || !history_.begun) return false;
  return now - looked_closely_ >= std::max(kBetweenCloseLooks, close_look_took_ * kCloseLookShare);
}

void ShareGuard::apply(const SharePlan& plan) {
  for (const share::tune::KnobChange& change : plan.changes) {
    if (journal_ == nullptr) {
      log_.change(change, false);
      continue;
    }
    const auto changed = journal_->change("/sys/kernel/mm/ksm/" + change.knob, change.value);
    if (changed) {
      log_.change(change, true);
      continue;
    }
    // Once, not at every look.
    const std::string problem = error_line(changed.error());
    if (problem != told_problem_) log_.problem(changed.error());
    told_problem_ = problem;
  }
}

void ShareGuard::tell_advice(const std::vector<share::tune::Advice>& advice) {
  if (same(advice, told_)) return;
  for (const share::tune::Advice& one : advice) {
    const bool told = std::any_of(told_.begin(), told_.end(),
                                  [&one](const auto& before) { return before.pid == one.pid; });
    if (!told) log_.advice(one);
  }
  told_ = advice;
}

Result<Time> ShareGuard::step(Time now) {
  const Time began = process_time();
  const bool closely = close_look_due(now);
  BRIM_TRY(const share::tune::ShareSnapshot snapshot,
           closely ? reader_.look_closely() : reader_.look());
  const Time took = process_time() - began;
  const Phase before = history_.phase;
  const bool first = !history_.begun;
  SharePlan plan = share::tune::plan(snapshot, history_, policy_, now);
  if (first || plan.phase != before) log_.phase(plan);
  // Advising only, the host does not follow: what would be done is told once a phase.
  if (journal_ != nullptr || first || plan.phase != before) apply(plan);
  if (closely) {
    looked_closely_ = now;
    close_look_took_ = took;
    tell_advice(plan.advice);
  }
  history_ = std::move(plan.history);
  return closely ? plan.next_look : look_again_after(plan, took);
}

Time look_again_after(const SharePlan& plan, Time took) {
  const int share = plan.phase == Phase::scanning ? kLookShareWhileScanning : kLookShare;
  return std::max(plan.next_look, took * share);
}

Result<void> guard_share(ShareGuard& guard, ActionLog& log, host::Journal* journal, bool once,
                         const Cancel& cancel) {
  Result<void> outcome;
  while (!cancel.requested()) {
    const auto next = guard.step(steady_now());
    if (!next) {
      outcome = fail(next.error());
      break;
    }
    if (once) break;
    wait_for(*next, cancel);
  }
  if (journal != nullptr)
    for (const host::Restored& restored : journal->restore_own()) log.restored(restored);
  return outcome;
}

}  // namespace brim::guard
