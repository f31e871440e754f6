// SPDX-License-Identifier: Apache-2.0
#include "share/tune/share_plan.h"

#include "base/text.h"
#include "share/tune/reckoning.h"
#include "share/tune/scan_rate.h"
#include "share/tune/vm_advice.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace brim::share::tune {
namespace {

// Memory that is short is worth so many times its price.
constexpr double kShortWorth = 4;
// Of what scans returned on average, that the next is to return.
constexpr double kPartOfAverage = 1.0 / 3;
// Many times the policy's price, at most.
constexpr double kDearest = 10;
// A rate is left alone while it is at least so much of what the budget allows.
constexpr double kNearEnough = 0.7;
constexpr std::uint32_t kMostDoublings = 4;
constexpr double kMostOfSleep = 0.8;
// Of all memory.
constexpr double kLittle = 0.1;
constexpr Time kShortestLook = std::chrono::milliseconds(50);
constexpr Time kLongestLook = std::chrono::milliseconds(500);
constexpr Time kSoonestWake = std::chrono::milliseconds(100);

double seconds_in(Time time) { return std::chrono::duration<double>(time).count(); }

struct Decision {
  Phase phase;
  bool probe = false;
  std::string reason;
};

Time probe_after(const ShareHistory& history, const SharePolicy& policy) {
  return policy.probe_interval * (1U << std::min(history.fruitless_probes, kMostDoublings));
}

double wanted_gib_s(const Reckoning& reckoning) {
  return reckoning.price_gib_s / (reckoning.memory_short ? kShortWorth : 1);
}

// What a processor second of ksmd has saved so far, in GiB s.
double average_return(const ShareHistory& history) {
  constexpr double kBytesOfGib = 1024.0 * 1024 * 1024;
  const double spent = seconds_in(history.spent);
  return spent > 0 ? history.saved_byte_s / kBytesOfGib / spent : 0;
}

// Where scans have returned much, the next one must return a part of it.
double dearness(const ShareHistory& history, const SharePolicy& policy) {
  if (policy.price_gib_s <= 0) return 1;
  return std::clamp(kPartOfAverage * average_return(history) / policy.price_gib_s, 1.0, kDearest);
}

std::string missed_words(const Reckoning& reckoning) {
  return fmt::format("{} new, {} broken, of which {} may merge", human_bytes(reckoning.new_memory),
                     human_bytes(reckoning.broken), human_bytes(reckoning.gain));
}

Decision from_rest(const Reckoning& reckoning, const ShareHistory& history,
                   const SharePolicy& policy, Time now) {
  const Time rested = now - history.since;
  if (policy.goal == Goal::pressure && !reckoning.memory_short)
    return {Phase::resting, false, "memory is not short, and the goal is pressure"};
  if (history.begun && rested < policy.least_rest)
    return {Phase::resting, false, "it has just scanned"};
  const double wanted = wanted_gib_s(reckoning);
  if (reckoning.gain.count() > 0 && reckoning.missed_gib_s >= wanted)
    return {Phase::scanning, false,
            fmt::format("{}; {:.1f} GiB s were missed, and {:.2f} s of ksmd are worth {:.1f}",
                        missed_words(reckoning), reckoning.missed_gib_s, seconds_in(reckoning.cost),
                        wanted)};
  if (history.begun && reckoning.cost.count() > 0 && rested >= probe_after(history, policy))
    return {Phase::scanning, true,
            fmt::format("nothing was scanned for {:.0f} s: a look for what nothing announces",
                        seconds_in(rested))};
  if (reckoning.gain.count() == 0) return {Phase::resting, false, "nothing new to merge"};
  return {Phase::resting, false,
          fmt::format("{}; {:.1f} GiB s were missed, less than the {:.1f} that {:.2f} s of ksmd "
                      "are worth",
                      missed_words(reckoning), reckoning.missed_gib_s, wanted,
                      seconds_in(reckoning.cost))};
}

// Where one scan does, it need not begin where scans begin.
bool met_once(const ShareSnapshot& snapshot, const ShareHistory& history) {
  if (!history.one_scan || !snapshot.progress.scanned || !history.at_start.scanned) return false;
  return *snapshot.progress.scanned >=
         *history.at_start.scanned + whole_pages(all_memory(snapshot));
}

Decision from_scanning(const ShareSnapshot& snapshot, const Reckoning& reckoning,
                       const ShareHistory& history, const SharePolicy& policy) {
  if (policy.goal == Goal::pressure && !reckoning.memory_short)
    return {Phase::resting, false, "memory is not short any more, and the goal is pressure"};
  if (all_memory(snapshot).count() == 0)
    return {Phase::resting, false, "nobody has memory to merge any more"};
  if (snapshot.progress.full_scans >= history.done_at_full_scans || met_once(snapshot, history))
    return {Phase::resting, false, "all memory has been scanned as often as merging it takes"};
  return {Phase::scanning, history.probe,
          fmt::format("{} full scans to go",
                      history.done_at_full_scans - snapshot.progress.full_scans)};
}

void begin_scanning(const ShareSnapshot& snapshot, const Reckoning& reckoning,
                    const Decision& decision, ShareHistory& history) {
  // What is left of a scan that is under way does not count.
  const unsigned begun = snapshot.knobs.run == 1 || history.stopped_within ? 1 : 0;
  history.done_at_full_scans =
      snapshot.progress.full_scans + scans_needed(reckoning, decision.probe) + begun;
  history.one_scan = scans_needed(reckoning, decision.probe) == 1;
  history.at_start = snapshot.progress;
  history.new_at_start = reckoning.new_memory;
  history.broken_at_start = reckoning.broken;
  history.merged_at_start = merged_memory(snapshot);
  history.probe = decision.probe;
  history.broken_settled = snapshot.progress.broken;
  settle_memory(snapshot, history);
}

// Of a process that ksmd has been to, it meets what grows meanwhile in the next scan: where that is
// not little, it goes on. Who is new meanwhile comes before it in its list, and so has to wait for
// the next time.
void go_on_for_more(const ShareSnapshot& snapshot, ShareHistory& history) {
  const Growth growth = growth_since(snapshot, history);
  const double all = static_cast<double>(all_memory(snapshot).count());
  if (static_cast<double>(growth.of_known.count()) <= kLittle * all) return;
  history.done_at_full_scans =
      std::max(history.done_at_full_scans, snapshot.progress.full_scans + 3);
  history.new_at_start += growth.of_known + growth.of_newcomers;
  settle_memory(snapshot, history);
}

// ksmd sleeps after each full scan. Stopped within that sleep it is at the beginning of its list,
// and a new process goes to the end; stopped later, what is new is not met in what is left of the
// scan.
bool within_scan(const ShareSnapshot& snapshot, const ShareHistory& history, Time now) {
  const bool ended = snapshot.progress.full_scans > history.progress.full_scans;
  return !ended || now - history.looked_at > kMostOfSleep * Time(snapshot.knobs.sleep);
}

void enter(const ShareSnapshot& snapshot, const Reckoning& reckoning, const Decision& decision,
           ShareHistory& history, Time now) {
  if (!history.begun) {
    history.since = now;
    // Where whoever ran it before stopped is not known, unless it never ran.
    history.stopped_within = !snapshot.progress.scanned || snapshot.progress.scanned->count() > 0;
    if (!history.broken_settled) history.broken_settled = snapshot.progress.broken;
  }
  if (history.phase == Phase::scanning && decision.phase == Phase::scanning)
    go_on_for_more(snapshot, history);
  if (decision.phase == history.phase) return;
  if (decision.phase == Phase::scanning) {
    begin_scanning(snapshot, reckoning, decision, history);
  } else {
    learn_yield(snapshot, history);
    history.stopped_within = within_scan(snapshot, history, now);
  }
  history.phase = decision.phase;
  history.since = now;
  history.missed_byte_s = 0;
  history.missed = Bytes(0);
}

void count_return(const ShareSnapshot& snapshot, const Reckoning& reckoning, ShareHistory& history,
                  Time now) {
  if (!history.begun) return;
  history.saved_byte_s +=
      static_cast<double>(reckoning.saved.count()) * seconds_in(now - history.looked_at);
  if (snapshot.progress.ksmd_cpu > history.progress.ksmd_cpu)
    history.spent += snapshot.progress.ksmd_cpu - history.progress.ksmd_cpu;
}

class KnobChanges {
 public:
  explicit KnobChanges(std::vector<KnobChange>& changes) : changes_(changes) {}
  void set(const char* knob, const std::string& now, const std::string& wanted,
           const std::string& reason) {
    if (now != wanted) changes_.push_back({knob, wanted, reason});
  }
  void set(const char* knob, std::uint64_t now, std::uint64_t wanted, const std::string& reason) {
    set(knob, std::to_string(now), std::to_string(wanted), reason);
  }

 private:
  std::vector<KnobChange>& changes_;
};

void set_rate(const ShareSnapshot& snapshot, const ShareHistory& history, const SharePolicy& policy,
              KnobChanges& changes) {
  const KsmKnobs& knobs = snapshot.knobs;
  const double cost = page_cost_ns(history);
  const ScanRate wanted = rate_within(policy.cpu_budget_percent, cost, policy.most_pages_per_s);
  const ScanRate present{knobs.pages_to_scan, knobs.sleep};
  const double rate = present.pages_per_s(cost);
  const bool within =
      present.cpu_percent(cost) <= policy.cpu_budget_percent &&
      (policy.most_pages_per_s == 0 || rate <= static_cast<double>(policy.most_pages_per_s));
  const bool begins = knobs.run != 1;  // then as well as can be
  if (!begins && within && knobs.sleep.count() > 0 &&
      rate >= kNearEnough * wanted.pages_per_s(cost))
    return;
  const std::string reason = fmt::format(
      "{:.0f} pages/s, {:.0f} % of a processor at {:.2f} us a page; the budget is {:g} %",
      wanted.pages_per_s(cost), wanted.cpu_percent(cost), cost / 1000, policy.cpu_budget_percent);
  changes.set("sleep_millisecs", static_cast<std::uint64_t>(knobs.sleep.count()),
              static_cast<std::uint64_t>(wanted.sleep.count()), reason);
  changes.set("pages_to_scan", knobs.pages_to_scan, wanted.pages_to_scan, reason);
}

void scan_changes(const ShareSnapshot& snapshot, const ShareHistory& history,
                  const SharePolicy& policy, const std::string& reason, KnobChanges& changes) {
  const KsmKnobs& knobs = snapshot.knobs;
  if (knobs.advisor_mode)
    changes.set("advisor_mode", *knobs.advisor_mode, "none", "brim sets the rate itself");
  if (knobs.smart_scan && policy.smart_scan)
    changes.set("smart_scan", *knobs.smart_scan ? 1 : 0, 1,
                "pages that have not merged for long need not be looked at each time");
  set_rate(snapshot, history, policy, changes);
  changes.set("run", static_cast<std::uint64_t>(knobs.run), 1, reason);
}

void advisor_changes(const KsmKnobs& knobs, const SharePolicy& policy, const std::string& reason,
                     KnobChanges& changes) {
  const auto scan_time =
      static_cast<std::uint64_t>(std::max(1.0, std::round(seconds_in(policy.probe_interval))));
  const auto most_cpu = static_cast<std::uint64_t>(policy.cpu_budget_percent);
  const std::string slowly = "the kernel's advisor goes on slowly, once each share.probe_interval";
  if (knobs.advisor_target_scan_time)
    changes.set("advisor_target_scan_time", *knobs.advisor_target_scan_time, scan_time, slowly);
  if (knobs.advisor_max_cpu)
    changes.set("advisor_max_cpu", *knobs.advisor_max_cpu, most_cpu, "share.cpu_budget_percent");
  changes.set("advisor_mode", *knobs.advisor_mode, "scan-time", slowly);
  changes.set("run", static_cast<std::uint64_t>(knobs.run), 1, reason);
}

std::vector<KnobChange> knob_changes(const ShareSnapshot& snapshot, const ShareHistory& history,
                                     const SharePolicy& policy, const Decision& decision) {
  std::vector<KnobChange> list;
  KnobChanges changes(list);
  const KsmKnobs& knobs = snapshot.knobs;
  // Whoever unmerged all (run=2) knows why; only what there is to merge changes that.
  if (decision.phase == Phase::scanning)
    scan_changes(snapshot, history, policy, decision.reason, changes);
  else if (policy.use_advisor && knobs.advisor_mode && policy.goal == Goal::density)
    advisor_changes(knobs, policy, decision.reason, changes);
  else if (knobs.run == 1)
    changes.set("run", 1, 0, decision.reason);
  return list;
}

// Half the way to the end of the scan, then half of the rest: the end is met closely without many
// looks.
Time look_while_scanning(const ShareSnapshot& snapshot, const ShareHistory& history,
                         const SharePolicy& policy) {
  const double cost = page_cost_ns(history);
  const double rate =
      rate_within(policy.cpu_budget_percent, cost, policy.most_pages_per_s).pages_per_s(cost);
  const double scans =
      history.one_scan
          ? 1
          : static_cast<double>(history.done_at_full_scans - history.at_start.full_scans);
  double left = scans * static_cast<double>(whole_pages(all_memory(snapshot)).count());
  if (snapshot.progress.scanned && history.at_start.scanned)
    left -= static_cast<double>(snapshot.progress.scanned->count()) -
            static_cast<double>(history.at_start.scanned->count());
  const double seconds = std::max(0.0, left) / rate / 2;
  return std::clamp(std::chrono::duration_cast<Time>(std::chrono::duration<double>(seconds)),
                    kShortestLook, kLongestLook);
}

// Sooner than usual where what is missed reaches its price before.
Time look_while_resting(const Reckoning& reckoning, const SharePolicy& policy) {
  const double left = wanted_gib_s(reckoning) - reckoning.missed_gib_s;
  const double gain_gib = static_cast<double>(reckoning.gain.count()) / (1024.0 * 1024 * 1024);
  if (gain_gib <= 0 || left > gain_gib * seconds_in(policy.look_interval))
    return policy.look_interval;
  const auto due = std::chrono::duration_cast<Time>(
      std::chrono::duration<double>(std::max(0.0, left) / gain_gib));
  return std::min(policy.look_interval, std::max(kSoonestWake, due));
}

}  // namespace

std::string_view name_of(Phase phase) { return phase == Phase::resting ? "resting" : "scanning"; }

SharePlan plan(const ShareSnapshot& snapshot, const ShareHistory& history,
               const SharePolicy& policy, Time now) {
  SharePlan plan;
  plan.history = history;
  ShareHistory& next = plan.history;
  learn_cost(snapshot, next);
  plan.reckoning = reckon(snapshot, policy, next, now);
  plan.reserve = reserve_for(snapshot, policy, plan.reckoning.saved);
  plan.reckoning.memory_short = memory_short(snapshot, policy, plan.reserve, next, now);
  count_return(snapshot, plan.reckoning, next, now);
  plan.reckoning.price_gib_s *= dearness(next, policy);
  const Decision decision = next.phase == Phase::resting
                                ? from_rest(plan.reckoning, next, policy, now)
                                : from_scanning(snapshot, plan.reckoning, next, policy);
  enter(snapshot, plan.reckoning, decision, next, now);
  plan.phase = decision.phase;
  plan.reason = decision.reason;
  plan.changes = knob_changes(snapshot, next, policy, decision);
  plan.advice = advise(snapshot, next, policy);
  plan.next_look = decision.phase == Phase::scanning ? look_while_scanning(snapshot, next, policy)
                                                     : look_while_resting(plan.reckoning, policy);
  next.begun = true;
  next.looked_at = now;
  next.progress = snapshot.progress;
  return plan;
}

}  // namespace brim::share::tune
