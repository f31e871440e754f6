// SPDX-License-Identifier: Apache-2.0
#include "guard/share_guard.h"

#include "base/own_time.h"

#include <algorithm>
#include <chrono>

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
    if (problem != told_problem_) log_.problem("share", changed.error());
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

void ShareGuard::wind_up() {
  if (journal_ == nullptr) return;
  for (const host::Restored& restored : journal_->restore_own()) log_.restored(restored);
}

}  // namespace brim::guard
