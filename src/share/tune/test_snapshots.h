// SPDX-License-Identifier: Apache-2.0
#pragma once
// Hosts to plan for, and a stand-in for ksmd that goes through all memory at the rate it is set to.

#include "share/tune/share_plan.h"

#include <cmath>
#include <map>
#include <string>
#include <utility>

namespace brim::share::tune {

inline constexpr Time kSecond = std::chrono::seconds(1);

inline SharePolicy default_policy() {
  auto policy = read_share_policy({});
  BRIM_ASSERT(policy);
  return *policy;
}

inline Subject machine(int pid, Bytes resident, Bytes merged = Bytes(0)) {
  Subject subject;
  subject.pid = pid;
  subject.start_ticks = 1;
  subject.name = "vm" + std::to_string(pid);
  subject.machine = true;
  subject.resident = resident;
  subject.merged = merged;
  return subject;
}

// 64 GiB, most of it free, KSM off as the kernel has it after booting.
inline ShareSnapshot quiet_host() {
  ShareSnapshot snapshot;
  snapshot.knobs.pages_to_scan = 100;
  snapshot.knobs.sleep = std::chrono::milliseconds(20);
  snapshot.knobs.smart_scan = true;
  snapshot.knobs.advisor_mode = "none";
  snapshot.knobs.advisor_max_cpu = 70;
  snapshot.knobs.advisor_target_scan_time = 200;
  snapshot.progress.scanned = Pages(0);
  snapshot.progress.broken = Pages(0);
  snapshot.memory = gibibytes(64);
  snapshot.available = gibibytes(40);
  snapshot.pressure_percent = 0;
  return snapshot;
}

inline void follow(ShareSnapshot& snapshot, const SharePlan& plan) {
  for (const KnobChange& change : plan.changes) {
    KsmKnobs& knobs = snapshot.knobs;
    if (change.knob == "run") knobs.run = std::stoi(change.value);
    if (change.knob == "pages_to_scan") knobs.pages_to_scan = std::stoull(change.value);
    if (change.knob == "sleep_millisecs")
      knobs.sleep = std::chrono::milliseconds(std::stoll(change.value));
    if (change.knob == "advisor_mode") knobs.advisor_mode = change.value;
    if (change.knob == "smart_scan") knobs.smart_scan = change.value == "1";
  }
}

// A host whose ksmd merges a share of the pages it meets for the second time.
class HostUnderPlan {
 public:
  HostUnderPlan(ShareSnapshot begin, SharePolicy rules, double merges)
      : snapshot(std::move(begin)), policy(std::move(rules)), merges_(merges) {}

  SharePlan step() {
    SharePlan plan = tune::plan(snapshot, history, policy, now);
    follow(snapshot, plan);
    history = plan.history;
    work(plan.next_look);
    now += plan.next_look;
    return plan;
  }
  // Until then, or until it changes its phase.
  SharePlan until_phase(Phase phase, Time end) {
    SharePlan plan = step();
    while (plan.phase != phase && now < end) plan = step();
    return plan;
  }

  ShareSnapshot snapshot;
  SharePolicy policy;
  ShareHistory history;
  Time now = kSecond;
  double cost_ns = 1000;  // ksmd's, a page

 private:
  void work(Time time) {
    if (snapshot.knobs.run != 1) return;
    const double pages = static_cast<double>(snapshot.knobs.pages_to_scan);
    const double cycle = pages * cost_ns + static_cast<double>(snapshot.knobs.sleep.count()) * 1e6;
    const double scanned = pages * static_cast<double>(time.count()) / cycle;
    snapshot.progress.ksmd_cpu += Time(std::llround(scanned * cost_ns));
    snapshot.progress.scanned = *snapshot.progress.scanned + Pages(std::llround(scanned));
    double all = 0;
    for (const Subject& subject : snapshot.subjects)
      all += static_cast<double>(whole_pages(subject.resident).count());
    for (position_ += scanned; all > 0 && position_ >= all; position_ -= all) end_of_scan();
  }
  void end_of_scan() {
    ++snapshot.progress.full_scans;
    std::uint64_t merged = 0;
    for (Subject& subject : snapshot.subjects) {
      Bytes& met = met_[subject.pid];
      subject.merged =
          Bytes(static_cast<std::uint64_t>(static_cast<double>(met.count()) * merges_));
      met = subject.resident;
      merged += whole_pages(subject.merged).count();
    }
    snapshot.progress.sharing = Pages(merged);
  }

  double merges_;
  double position_ = 0;
  std::map<int, Bytes> met_;
};

}  // namespace brim::share::tune
