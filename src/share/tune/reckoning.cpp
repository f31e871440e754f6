// SPDX-License-Identifier: Apache-2.0
#include "share/tune/reckoning.h"

#include <algorithm>
#include <cmath>

namespace brim::share::tune {
namespace {

// Before any is measured: a page that is looked up in the unstable tree, on a slow machine.
constexpr double kAssumedCostNs = 2000;
// The same of a page that is only looked at.
constexpr double kAssumedVisitNs = 1000;
// Where one page in so many merged, what the others cost can't be told.
constexpr std::uint64_t kHardlyMerging = 20;
constexpr double kMostlyNew = 0.3;
// Fewer pages than this tell nothing of what one costs.
constexpr std::uint64_t kFewPages = 500;
constexpr double kGib = 1024.0 * 1024 * 1024;
// What was there before the first look is taken to have waited for so long.
constexpr double kWaitedBeforeS = 600;
constexpr double kLeastYield = 0.05;
// Of a process that has nobody to share with.
constexpr double kYieldAlone = 0.25;
// With so little new memory among what is missed, one full scan does.
constexpr double kHardlyNew = 0.1;

double in_bytes(Bytes bytes) { return static_cast<double>(bytes.count()); }
double seconds_of(Time time) { return std::chrono::duration<double>(time).count(); }

const ShareHistory::Known* known(const ShareHistory& history, const Subject& subject) {
  for (const ShareHistory::Known& one : history.subjects)
    if (one.pid == subject.pid && one.start_ticks == subject.start_ticks) return &one;
  return nullptr;
}

Bytes broken_since(const ShareSnapshot& snapshot, const ShareHistory& history) {
  const auto& broken = snapshot.progress.broken;
  if (!broken || !history.broken_settled || *broken < *history.broken_settled) return {};
  return std::min(bytes_of(*broken - *history.broken_settled), merged_memory(snapshot));
}

// Memory that was given back (a balloon) is new when it comes again.
void note_shrinking(const ShareSnapshot& snapshot, ShareHistory& history) {
  for (ShareHistory::Known& one : history.subjects)
    for (const Subject& subject : snapshot.subjects)
      if (subject.pid == one.pid && subject.start_ticks == one.start_ticks)
        one.settled = std::min(one.settled, subject.resident);
}

Bytes saved_memory(const ShareSnapshot& snapshot, Bytes broken) {
  const Bytes counted = std::min(bytes_of(snapshot.progress.sharing), merged_memory(snapshot));
  return counted > broken ? counted - broken : Bytes(0);
}

bool is_alone(const ShareSnapshot& snapshot) {
  return std::count_if(snapshot.subjects.begin(), snapshot.subjects.end(), takes_part) == 1;
}

double mixed(double old, double seen, double weight) { return (1 - weight) * old + weight * seen; }

// Not where pages merge, nor where most were never looked at before: that is a cost they have once.
bool tells_visit_cost(const ShareSnapshot& snapshot, const ShareHistory& history,
                      std::uint64_t pages) {
  const KsmProgress& now = snapshot.progress;
  const KsmProgress& before = history.progress;
  const std::uint64_t merged =
      now.sharing > before.sharing ? (now.sharing - before.sharing).count() : 0;
  const bool mostly_new =
      history.phase == Phase::scanning &&
      in_bytes(history.new_at_start) > kMostlyNew * in_bytes(all_memory(snapshot));
  return merged * kHardlyMerging <= pages && !mostly_new;
}

Bytes scaled(Bytes bytes, double share) {
  return Bytes(static_cast<std::uint64_t>(std::llround(in_bytes(bytes) * share)));
}

// A scan tells what merges; the rest can't be gained.
Bytes bounded_by_potential(const ShareSnapshot& snapshot, Bytes gain, Bytes saved) {
  if (!snapshot.potential) return gain;
  return std::min(gain, *snapshot.potential > saved ? *snapshot.potential - saved : Bytes(0));
}

}  // namespace

bool takes_part(const Subject& subject) { return subject.mergeable && !subject.shared_mapping; }

Bytes all_memory(const ShareSnapshot& snapshot) {
  Bytes sum;
  for (const Subject& subject : snapshot.subjects)
    if (takes_part(subject)) sum += subject.resident;
  return sum;
}

Bytes merged_memory(const ShareSnapshot& snapshot) {
  Bytes sum;
  for (const Subject& subject : snapshot.subjects)
    if (takes_part(subject)) sum += subject.merged;
  return sum;
}

Growth growth_since(const ShareSnapshot& snapshot, const ShareHistory& history) {
  Growth growth;
  for (const Subject& subject : snapshot.subjects) {
    if (!takes_part(subject)) continue;
    const ShareHistory::Known* before = known(history, subject);
    // Merged pages that were there before brim looked need no scan.
    const Bytes done = before != nullptr ? before->settled : subject.merged;
    if (subject.resident <= done) continue;
    (before != nullptr ? growth.of_known : growth.of_newcomers) += subject.resident - done;
  }
  return growth;
}

void learn_cost(const ShareSnapshot& snapshot, ShareHistory& history) {
  const KsmProgress& now = snapshot.progress;
  const KsmProgress& before = history.progress;
  if (!now.scanned || !before.scanned) return;
  if (*now.scanned < *before.scanned || now.ksmd_cpu <= before.ksmd_cpu) return;
  const std::uint64_t pages = now.scanned->count() - before.scanned->count();
  if (pages < kFewPages) return;
  const double cost =
      static_cast<double>((now.ksmd_cpu - before.ksmd_cpu).count()) / static_cast<double>(pages);
  // Merging costs several times what looking does, and comes in bouts: what was seen over a tenth
  // of all memory is what holds now. Dearer pages count at once.
  const double tenth = in_bytes(all_memory(snapshot)) / kPageSize / 10;
  const double weight = std::clamp(static_cast<double>(pages) / std::max(1.0, tenth), 0.25, 1.0);
  history.cost_ns = cost > history.cost_ns ? cost : mixed(history.cost_ns, cost, weight);
  if (!tells_visit_cost(snapshot, history, pages)) return;
  history.visit_cost_ns =
      history.visit_cost_ns == 0 ? cost : mixed(history.visit_cost_ns, cost, 0.5 * weight);
}

double page_cost_ns(const ShareHistory& history) {
  return history.cost_ns > 0 ? history.cost_ns : kAssumedCostNs;
}

double visit_cost_ns(const ShareHistory& history) {
  return history.visit_cost_ns > 0 ? history.visit_cost_ns : kAssumedVisitNs;
}

Reckoning reckon(const ShareSnapshot& snapshot, const SharePolicy& policy, ShareHistory& history,
                 Time now) {
  note_shrinking(snapshot, history);
  Reckoning reckoning;
  const Growth growth = growth_since(snapshot, history);
  reckoning.new_memory = growth.of_known + growth.of_newcomers;
  reckoning.broken = broken_since(snapshot, history);
  reckoning.saved = saved_memory(snapshot, reckoning.broken);
  const double new_yield = history.new_yield * (is_alone(snapshot) ? kYieldAlone : 1);
  reckoning.gain = bounded_by_potential(
      snapshot,
      scaled(reckoning.new_memory, new_yield) + scaled(reckoning.broken, history.broken_yield),
      reckoning.saved);
  reckoning.cost_ns_per_page = visit_cost_ns(history);
  const double pages = in_bytes(all_memory(snapshot)) / static_cast<double>(kPageSize);
  reckoning.cost = Time(static_cast<std::int64_t>(pages * scans_needed(reckoning, false) *
                                                  reckoning.cost_ns_per_page));
  if (!history.begun)
    history.missed_byte_s = in_bytes(reckoning.gain) * kWaitedBeforeS;
  else
    history.missed_byte_s += in_bytes(history.missed) * seconds_of(now - history.looked_at);
  history.missed = reckoning.gain;
  reckoning.missed_gib_s = history.missed_byte_s / kGib;
  reckoning.price_gib_s = policy.price_gib_s * seconds_of(reckoning.cost);
  return reckoning;
}

unsigned scans_needed(const Reckoning& reckoning, bool probe) {
  const double all = in_bytes(reckoning.new_memory) + in_bytes(reckoning.broken);
  return probe || in_bytes(reckoning.new_memory) > kHardlyNew * all ? 2 : 1;
}

void settle_memory(const ShareSnapshot& snapshot, ShareHistory& history) {
  history.subjects.clear();
  for (const Subject& subject : snapshot.subjects)
    history.subjects.push_back({subject.pid, subject.start_ticks, subject.resident});
}

void learn_yield(const ShareSnapshot& snapshot, ShareHistory& history) {
  const double fresh = in_bytes(history.new_at_start);
  const double broken = in_bytes(history.broken_at_start);
  // Pages broken before still counted as merged at the start.
  const double gained =
      std::max(0.0, in_bytes(merged_memory(snapshot)) - in_bytes(history.merged_at_start) + broken);
  const auto learn = [](double& yield, double seen) {
    yield = std::clamp(0.5 * yield + 0.5 * seen, kLeastYield, 1.0);
  };
  // Only where it is clear which of the two it was; and one alone has nobody to share with.
  if (!is_alone(snapshot) && fresh > 4 * broken)
    learn(history.new_yield, std::min(1.0, gained / fresh));
  else if (broken > 4 * fresh)
    learn(history.broken_yield, std::min(1.0, gained / broken));
  if (!history.probe) return;
  const bool fruitless = gained < 0.01 * in_bytes(all_memory(snapshot));
  history.fruitless_probes = fruitless ? history.fruitless_probes + 1 : 0;
}

Reserve reserve_for(const ShareSnapshot& snapshot, const SharePolicy& policy, Bytes saved) {
  return {policy.headroom + scaled(saved, policy.burst_percent / 100), snapshot.available};
}

bool memory_short(const ShareSnapshot& snapshot, const SharePolicy& policy, const Reserve& reserve,
                  ShareHistory& history, Time now) {
  const Bytes threshold =
      std::max(policy.free_threshold, scaled(snapshot.memory, policy.free_threshold_percent / 100));
  const bool stalled =
      snapshot.pressure_percent && *snapshot.pressure_percent > policy.pressure_percent;
  if (snapshot.available < threshold || stalled || reserve.short_of()) history.short_at = now;
  return history.short_at &&
         (now == *history.short_at || now - *history.short_at < policy.pressure_hold);
}

}  // namespace brim::share::tune
