// SPDX-License-Identifier: Apache-2.0
// When ksmd is to scan, and how fast.
#include "share/tune/scan_rate.h"
#include "test_snapshots.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::tune {
namespace {

using testing::HasSubstr;

const KnobChange* change_of(const SharePlan& plan, const std::string& knob) {
  for (const KnobChange& change : plan.changes)
    if (change.knob == knob) return &change;
  return nullptr;
}

HostUnderPlan host_with(int machines, double merges) {
  ShareSnapshot snapshot = quiet_host();
  for (int pid = 1; pid <= machines; ++pid) snapshot.subjects.push_back(machine(pid, gibibytes(1)));
  return {snapshot, default_policy(), merges};
}

// Scanned twice, and at rest since.
HostUnderPlan settled_host(int machines = 4, double merges = 0.5) {
  HostUnderPlan host = host_with(machines, merges);
  host.until_phase(Phase::scanning, 10 * kSecond);
  host.until_phase(Phase::resting, 600 * kSecond);
  BRIM_ASSERT(host.history.phase == Phase::resting);
  return host;
}

// When to begin.

// So much ksmd has taken, and so little it has saved, that a scan needs to return the policy's
// price alone, whatever comes.
void return_little(ShareHistory& history) {
  history.spent = 100'000 * kSecond;
  history.saved_byte_s = 0;
}

TEST(Share_plan, Begins_at_once_where_much_was_there_before_brim) {
  HostUnderPlan host = host_with(4, 0.5);
  const SharePlan plan = host.step();
  EXPECT_EQ(plan.phase, Phase::scanning);
  EXPECT_EQ(host.snapshot.knobs.run, 1);
  ASSERT_NE(change_of(plan, "run"), nullptr);
  EXPECT_THAT(change_of(plan, "run")->reason, HasSubstr("4.0 GiB new"));
}

TEST(Share_plan, Leaves_KSM_alone_where_nobody_has_memory_to_merge) {
  HostUnderPlan host = host_with(0, 0);
  for (int i = 0; i < 2000; ++i) {
    const SharePlan plan = host.step();
    EXPECT_EQ(plan.phase, Phase::resting);
    EXPECT_TRUE(plan.changes.empty());
  }
}

TEST(Share_plan, Memory_that_KSM_never_takes_is_none) {
  HostUnderPlan host = host_with(2, 0.5);
  host.snapshot.subjects[0].shared_mapping = true;
  host.snapshot.subjects[1].mergeable = false;
  EXPECT_EQ(host.step().phase, Phase::resting);
}

TEST(Share_plan, Begins_when_what_was_missed_is_worth_the_scan_and_not_before) {
  HostUnderPlan host = settled_host();
  return_little(host.history);
  host.snapshot.subjects.push_back(machine(9, gibibytes(1)));
  // One look sees it, later ones add up what it misses meanwhile.
  SharePlan plan = tune::plan(host.snapshot, host.history, host.policy, host.now + 10 * kSecond);
  ASSERT_EQ(plan.phase, Phase::resting);
  const double gain_gib = static_cast<double>(plan.reckoning.gain.count()) / (1 << 30);
  const auto wait = Time(std::llround(plan.reckoning.price_gib_s / gain_gib * 1e9));
  const Time seen = host.now + 10 * kSecond;
  EXPECT_EQ(tune::plan(host.snapshot, plan.history, host.policy, seen + wait - kSecond / 100).phase,
            Phase::resting);
  EXPECT_EQ(tune::plan(host.snapshot, plan.history, host.policy, seen + wait + kSecond / 100).phase,
            Phase::scanning);
}

TEST(Share_plan, The_dearer_a_processor_second_the_later_it_begins) {
  Time waited[2];
  for (int i = 0; i < 2; ++i) {
    HostUnderPlan host = settled_host();
    host.policy.price_gib_s = i == 0 ? 4 : 40;
    host.snapshot.subjects.push_back(machine(9, gibibytes(1)));
    const Time from = host.now;
    host.until_phase(Phase::scanning, from + 3600 * kSecond);
    waited[i] = host.now - from;
  }
  EXPECT_GT(waited[1], 4 * waited[0]);
}

TEST(Share_plan, Pages_that_guests_write_to_bring_it_back) {
  HostUnderPlan host = settled_host();
  host.snapshot.progress.broken = *host.snapshot.progress.broken + whole_pages(gibibytes(1));
  const SharePlan plan = host.until_phase(Phase::scanning, host.now + 600 * kSecond);
  EXPECT_EQ(plan.phase, Phase::scanning);
  EXPECT_THAT(plan.reason, HasSubstr("1.0 GiB broken"));
}

TEST(Share_plan, Broken_pages_take_one_full_scan_and_new_ones_two) {
  HostUnderPlan host = settled_host();
  const std::uint64_t scans = host.snapshot.progress.full_scans;
  host.snapshot.progress.broken = *host.snapshot.progress.broken + whole_pages(gibibytes(1));
  host.until_phase(Phase::scanning, host.now + 600 * kSecond);
  host.until_phase(Phase::resting, host.now + 600 * kSecond);
  EXPECT_EQ(host.snapshot.progress.full_scans, scans + 1);
  host.snapshot.subjects.push_back(machine(9, gibibytes(2)));
  host.until_phase(Phase::scanning, host.now + 600 * kSecond);
  host.until_phase(Phase::resting, host.now + 600 * kSecond);
  EXPECT_EQ(host.snapshot.progress.full_scans, scans + 3);
}

TEST(Share_plan, At_a_steady_rate_of_broken_pages_the_period_is_that_of_least_cost) {
  // Once the yields and the cost are learnt, sqrt(2 price C / r).
  HostUnderPlan host = settled_host(4, 1.0);
  return_little(host.history);
  const double rate = 20.0 * (1 << 20);  // bytes/s
  std::vector<double> begins;
  for (int i = 0; i < 100'000 && begins.size() < 12; ++i) {
    const Phase before = host.history.phase;
    const Time from = host.now;
    const SharePlan plan = host.step();
    const double passed = std::chrono::duration<double>(host.now - from).count();
    host.snapshot.progress.broken =
        *host.snapshot.progress.broken + Pages(std::llround(rate * passed / kPageSize));
    if (before == Phase::resting && plan.phase == Phase::scanning)
      begins.push_back(std::chrono::duration<double>(from).count());
  }
  ASSERT_EQ(begins.size(), 12U);
  const double cost = 4.0 * (1 << 18) * host.cost_ns / 1e9;
  const double best = std::sqrt(2 * host.policy.price_gib_s * (1 << 30) * cost / rate);
  const double seen = (begins[11] - begins[6]) / 5;
  EXPECT_GT(seen, 0.7 * best);
  EXPECT_LT(seen, 1.5 * best);
}

TEST(Share_plan, Memory_that_did_not_merge_is_waited_for_longer_the_next_time) {
  Time waited[2];
  HostUnderPlan host = settled_host(4, 0.0);
  for (Time& time : waited) {
    host.snapshot.subjects.push_back(
        machine(10 + static_cast<int>(host.snapshot.subjects.size()), gibibytes(1)));
    const Time from = host.now;
    host.until_phase(Phase::scanning, from + 3600 * kSecond);
    time = host.now - from;
    host.until_phase(Phase::resting, host.now + 3600 * kSecond);
  }
  EXPECT_GT(waited[1], waited[0] + waited[0] / 2);
}

TEST(Share_plan, A_balloon_that_gives_memory_back_makes_it_new) {
  HostUnderPlan host = settled_host();
  host.snapshot.subjects[0].resident = mebibytes(100);
  host.step();
  host.snapshot.subjects[0].resident = gibibytes(1);
  EXPECT_EQ(host.until_phase(Phase::scanning, host.now + 600 * kSecond).phase, Phase::scanning);
}

// When to rest.

TEST(Share_plan, Rests_after_two_full_scans_and_stops_ksmd) {
  HostUnderPlan host = host_with(4, 0.5);
  host.step();
  SharePlan plan = host.step();
  while (host.snapshot.progress.full_scans < 2) {
    ASSERT_EQ(plan.phase, Phase::scanning);
    plan = host.step();
  }
  while (plan.phase == Phase::scanning && host.snapshot.progress.full_scans < 3) plan = host.step();
  EXPECT_EQ(plan.phase, Phase::resting);
  EXPECT_EQ(host.snapshot.knobs.run, 0);
  EXPECT_EQ(host.snapshot.progress.full_scans, 2U);
}

TEST(Share_plan, Goes_on_for_memory_that_grows_while_it_scans) {
  for (const bool newcomer : {true, false}) {
    HostUnderPlan host = host_with(4, 0.5);
    host.step();
    while (host.snapshot.progress.full_scans < 1) host.step();
    ASSERT_EQ(host.history.phase, Phase::scanning);
    if (newcomer)
      host.snapshot.subjects.push_back(machine(9, gibibytes(1)));
    else
      host.snapshot.subjects[0].resident = gibibytes(2);
    host.until_phase(Phase::resting, host.now + 600 * kSecond);
    // The second scan was under way: a newcomer waits, what grew behind ksmd is met twice.
    EXPECT_EQ(host.snapshot.progress.full_scans, newcomer ? 2U : 4U);
    EXPECT_EQ(host.step().reckoning.new_memory, newcomer ? gibibytes(1) : Bytes(0));
  }
}

TEST(Share_plan, Leaves_a_little_that_comes_while_it_scans_for_later) {
  HostUnderPlan host = host_with(4, 0.5);
  host.step();
  while (host.snapshot.progress.full_scans < 1) host.step();
  host.snapshot.subjects[0].resident += mebibytes(50);
  host.until_phase(Phase::resting, host.now + 600 * kSecond);
  EXPECT_EQ(host.snapshot.progress.full_scans, 2U);
  EXPECT_EQ(host.step().reckoning.new_memory, mebibytes(50));
}

TEST(Share_plan, Takes_one_full_scan_more_where_ksmd_was_not_stopped_at_the_end_of_one) {
  for (const bool late : {false, true}) {
    HostUnderPlan host = settled_host();
    host.history.stopped_within = late;
    const std::uint64_t scans = host.snapshot.progress.full_scans;
    host.snapshot.subjects.push_back(machine(9, gibibytes(2)));
    host.until_phase(Phase::scanning, host.now + 600 * kSecond);
    EXPECT_EQ(host.history.done_at_full_scans, scans + (late ? 3 : 2));
  }
}

TEST(Share_plan, Takes_one_full_scan_more_at_first_where_somebody_else_had_ksmd_run_before) {
  for (const bool ran : {false, true}) {
    ShareSnapshot snapshot = quiet_host();
    snapshot.subjects = {machine(1, gibibytes(2)), machine(2, gibibytes(2))};
    if (ran) snapshot.progress.scanned = Pages(12345);
    const SharePlan first = plan(snapshot, {}, default_policy(), kSecond);
    ASSERT_EQ(first.phase, Phase::scanning);
    EXPECT_EQ(first.history.done_at_full_scans, ran ? 3U : 2U);
  }
}

TEST(Share_plan, Knows_whether_it_stopped_ksmd_in_its_sleep_after_a_full_scan) {
  HostUnderPlan host = host_with(4, 0.5);
  host.step();
  host.snapshot.progress.full_scans = host.history.done_at_full_scans;
  const auto within = [&](Time later) {
    return tune::plan(host.snapshot, host.history, host.policy, host.history.looked_at + later)
        .history.stopped_within;
  };
  const auto sleep = Time(host.snapshot.knobs.sleep);
  EXPECT_FALSE(within(sleep * 4 / 5));
  EXPECT_TRUE(within(sleep * 4 / 5 + Time(1)));
}

TEST(Share_plan, Waits_longer_for_a_VM_that_is_alone) {
  Time waited[2];
  for (int i = 0; i < 2; ++i) {
    HostUnderPlan host = host_with(0, 0.5);
    host.step();
    for (int pid = 1; pid <= 1 + i; ++pid)
      host.snapshot.subjects.push_back(machine(pid, gibibytes(1)));
    const Time from = host.now;
    host.until_phase(Phase::scanning, from + 3600 * kSecond);
    waited[i] = host.now - from;
  }
  EXPECT_GT(waited[0], waited[1] + kSecond);
}

TEST(Share_plan, Rests_for_least_rest_whatever_comes) {
  HostUnderPlan host = settled_host();
  const Time rested = host.history.since;
  host.snapshot.subjects.push_back(machine(9, gibibytes(30)));
  ShareHistory history = host.history;
  history.missed_byte_s = 1e15;
  const auto at = [&](Time now) {
    return tune::plan(host.snapshot, history, host.policy, now).phase;
  };
  EXPECT_EQ(at(rested + host.policy.least_rest - Time(1)), Phase::resting);
  EXPECT_EQ(at(rested + host.policy.least_rest), Phase::scanning);
}

TEST(Share_plan, Looks_through_all_memory_after_the_probe_interval_and_later_if_in_vain) {
  HostUnderPlan host = settled_host();
  const Time rested = host.history.since;
  const auto at = [&](const ShareHistory& history, Time now) {
    return tune::plan(host.snapshot, history, host.policy, now).phase;
  };
  EXPECT_EQ(at(host.history, rested + host.policy.probe_interval - Time(1)), Phase::resting);
  EXPECT_EQ(at(host.history, rested + host.policy.probe_interval), Phase::scanning);
  host.until_phase(Phase::scanning, host.now + 3600 * kSecond);
  host.until_phase(Phase::resting, host.now + 3600 * kSecond);
  EXPECT_EQ(host.history.fruitless_probes, 1U);
  const Time again = host.history.since;
  EXPECT_EQ(at(host.history, again + 2 * host.policy.probe_interval - Time(1)), Phase::resting);
  EXPECT_EQ(at(host.history, again + 2 * host.policy.probe_interval), Phase::scanning);
}

TEST(Share_plan, Stays_at_rest_when_somebody_unmerged_all_and_nothing_is_new) {
  HostUnderPlan host = settled_host();
  host.snapshot.knobs.run = 2;
  EXPECT_TRUE(host.step().changes.empty());
}

TEST(Share_plan, Leaves_the_resting_to_the_kernels_advisor_where_the_policy_says_so) {
  HostUnderPlan host = settled_host();
  host.policy.use_advisor = true;
  const SharePlan plan = host.step();
  EXPECT_EQ(plan.phase, Phase::resting);
  EXPECT_EQ(host.snapshot.knobs.advisor_mode, "scan-time");
  EXPECT_EQ(host.snapshot.knobs.run, 1);
  ASSERT_NE(change_of(plan, "advisor_target_scan_time"), nullptr);
  EXPECT_EQ(change_of(plan, "advisor_target_scan_time")->value, "900");
  host.snapshot.knobs.advisor_mode.reset();  // a kernel before 6.8
  host.snapshot.knobs.run = 0;
  EXPECT_TRUE(host.step().changes.empty());
}

TEST(Share_plan, Switches_the_advisor_off_before_it_sets_pages_to_scan) {
  HostUnderPlan host = host_with(4, 0.5);
  host.snapshot.knobs.advisor_mode = "scan-time";
  const SharePlan plan = host.step();
  ASSERT_GE(plan.changes.size(), 2U);
  EXPECT_EQ(plan.changes.front().knob, "advisor_mode");
  EXPECT_EQ(plan.changes.back().knob, "run");
}

// What counts as short memory.

TEST(Share_plan, For_pressure_scans_only_while_memory_is_short_and_a_while_longer) {
  HostUnderPlan host = host_with(4, 0.5);
  host.policy.goal = Goal::pressure;
  EXPECT_EQ(host.step().phase, Phase::resting);
  host.snapshot.available = gibibytes(8);
  EXPECT_EQ(host.until_phase(Phase::scanning, host.now + 60 * kSecond).phase, Phase::scanning);
  host.snapshot.available = gibibytes(40);
  const Time eased = *host.history.short_at;
  const auto short_at = [&](Time now) {
    return tune::plan(host.snapshot, host.history, host.policy, now).reckoning.memory_short;
  };
  EXPECT_TRUE(short_at(eased + host.policy.pressure_hold - Time(1)));
  EXPECT_FALSE(short_at(eased + host.policy.pressure_hold));
}

TEST(Share_plan, Stalls_and_missing_headroom_are_short_memory_too) {
  HostUnderPlan host = host_with(4, 0.5);
  const auto is_short = [&] {
    return tune::plan(host.snapshot, {}, host.policy, host.now).reckoning.memory_short;
  };
  EXPECT_FALSE(is_short());
  host.snapshot.pressure_percent = host.policy.pressure_percent;
  EXPECT_FALSE(is_short());
  host.snapshot.pressure_percent = host.policy.pressure_percent + 0.1;
  EXPECT_TRUE(is_short());
  host.snapshot.pressure_percent.reset();  // a kernel without PSI
  EXPECT_FALSE(is_short());
  host.policy.headroom = gibibytes(41);
  EXPECT_TRUE(is_short());
}

TEST(Share_plan, Waits_less_while_memory_is_short) {
  Time waited[2];
  for (int i = 0; i < 2; ++i) {
    HostUnderPlan host = settled_host();
    if (i == 1) host.snapshot.available = gibibytes(5);
    host.snapshot.subjects.push_back(machine(9, mebibytes(200)));
    const Time from = host.now;
    host.until_phase(Phase::scanning, from + 3600 * kSecond);
    waited[i] = host.now - from;
  }
  EXPECT_LT(waited[1], waited[0] / 2);
}

TEST(Share_plan, Waits_longer_where_scans_have_returned_much_up_to_ten_times) {
  const double price = default_policy().price_gib_s;
  const auto waits_with = [](double returned) {
    HostUnderPlan host = settled_host();
    return_little(host.history);
    host.history.saved_byte_s =
        returned * std::chrono::duration<double>(host.history.spent).count() * (1 << 30);
    host.snapshot.subjects.push_back(machine(9, mebibytes(300)));
    const Time from = host.now;
    host.until_phase(Phase::scanning, from + 3600 * kSecond);
    return std::chrono::duration<double>(host.now - from).count();
  };
  const double usual = waits_with(0);
  EXPECT_NEAR(waits_with(3 * price) / usual, 1, 0.2);
  EXPECT_NEAR(waits_with(15 * price) / usual, 5, 1);
  EXPECT_NEAR(waits_with(3000 * price) / usual, 10, 2);
}

TEST(Share_plan, What_scans_returned_is_what_is_saved_over_time_for_what_ksmd_took) {
  HostUnderPlan host = settled_host();
  const ShareHistory before = host.history;
  EXPECT_EQ(before.spent, host.snapshot.progress.ksmd_cpu);
  const auto later =
      tune::plan(host.snapshot, before, host.policy, before.looked_at + 10 * kSecond);
  EXPECT_EQ(later.history.spent, before.spent);
  ASSERT_GT(later.reckoning.saved.count(), 0U);
  EXPECT_NEAR(later.history.saved_byte_s - before.saved_byte_s,
              10.0 * static_cast<double>(later.reckoning.saved.count()), 1);
}

TEST(Share_plan, Looks_for_the_end_of_one_scan_where_one_is_enough) {
  // Stopped within a scan, it may take two ends of one; what it waits for is all pages, once.
  Time looks[2];
  for (const bool within : {false, true}) {
    HostUnderPlan host = settled_host(2);
    host.history.stopped_within = within;
    host.snapshot.progress.broken = *host.snapshot.progress.broken + whole_pages(gibibytes(1));
    looks[within ? 1 : 0] = host.until_phase(Phase::scanning, host.now + 600 * kSecond).next_look;
    ASSERT_TRUE(host.history.one_scan);
  }
  EXPECT_EQ(looks[1], looks[0]);
}

// Headroom.

TEST(Share_plan, Keeps_back_what_guests_may_take_by_writing) {
  HostUnderPlan host = settled_host(40, 1.0);
  const SharePlan plan = host.step();
  ASSERT_EQ(plan.reckoning.saved, gibibytes(40));
  EXPECT_EQ(plan.reserve.wanted, gibibytes(10) + mebibytes(512));
  EXPECT_EQ(plan.reserve.to_give(), gibibytes(30) - mebibytes(512));
  host.snapshot.available = plan.reserve.wanted;
  EXPECT_FALSE(host.step().reserve.short_of());
  host.snapshot.available = plan.reserve.wanted - Bytes(1);
  const SharePlan tight = host.step();
  EXPECT_TRUE(tight.reserve.short_of());
  EXPECT_EQ(tight.reserve.to_give(), Bytes(0));
}

// How fast.

TEST(Scan_rate, Never_exceeds_the_budget_nor_wastes_half_of_it) {
  for (const double budget : {1.0, 5.0, 20.0, 50.0, 70.0, 95.0})
    for (const double cost : {120.0, 700.0, 2000.0, 9000.0, 40'000.0}) {
      const ScanRate rate = rate_within(budget, cost, 0);
      EXPECT_LE(rate.cpu_percent(cost), budget + 1e-3) << budget << " " << cost;
      EXPECT_GE(rate.cpu_percent(cost), 0.4 * budget) << budget << " " << cost;
      EXPECT_GE(rate.sleep.count(), 1);
    }
}

TEST(Scan_rate, Keeps_to_a_limit_of_pages) {
  for (const std::uint64_t most : {1'000ULL, 25'000ULL, 125'000ULL}) {
    const ScanRate rate = rate_within(70, 1000, most);
    EXPECT_LE(rate.pages_per_s(1000), static_cast<double>(most) * 1.001);
    EXPECT_GE(rate.pages_per_s(1000), static_cast<double>(most) * 0.8);
  }
}

TEST(Share_plan, Slows_down_at_once_when_pages_turn_out_dear) {
  HostUnderPlan host = host_with(4, 0.5);
  for (int i = 0; i < 3; ++i) host.step();
  ASSERT_EQ(host.history.phase, Phase::scanning);
  host.cost_ns = 8000;
  host.step();
  const SharePlan plan = host.step();
  ASSERT_NE(change_of(plan, "pages_to_scan"), nullptr);
  const ScanRate rate{host.snapshot.knobs.pages_to_scan, host.snapshot.knobs.sleep};
  EXPECT_LE(rate.cpu_percent(8000), host.policy.cpu_budget_percent + 0.1);
}

TEST(Share_plan, Leaves_the_rate_alone_while_it_is_near_enough) {
  HostUnderPlan host = host_with(4, 0.5);
  for (int i = 0; i < 8; ++i) host.step();
  ASSERT_EQ(host.history.phase, Phase::scanning);
  host.cost_ns = 950;
  const SharePlan plan = host.step();
  EXPECT_EQ(change_of(plan, "pages_to_scan"), nullptr);
}

// Like in, like out.

TEST(Share_plan, Is_the_same_for_the_same_snapshot_history_policy_and_time) {
  const HostUnderPlan host = settled_host();
  const SharePlan one = tune::plan(host.snapshot, host.history, host.policy, host.now);
  const SharePlan other = tune::plan(host.snapshot, host.history, host.policy, host.now);
  EXPECT_EQ(one.reason, other.reason);
  EXPECT_EQ(one.next_look, other.next_look);
  EXPECT_EQ(one.history.missed_byte_s, other.history.missed_byte_s);
}

}  // namespace
}  // namespace brim::share::tune
