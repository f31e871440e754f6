// SPDX-License-Identifier: Apache-2.0
// Thrashing on a machine with cgroups of version 2 alone, as most of today's are: the benchmark,
// brim's guard of a group and of the whole machine, the swap token, TPF, local replacement, and
// systemd-oomd.
#include "v2_machine.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <set>
#include <sstream>

namespace brim::live {
namespace {

using testing::HasSubstr;
using testing::Not;

// Four consumers of 32 MB in 52 MB, one more every two seconds: one from 3 to 5 s, all from 9 to
// 15 s, none from 21 s on.
const std::vector<std::string> kSets{"guests.0.run_for=12s"};
const std::string kOomd = "mechanism.control=systemd-oomd(pressure=5,duration=2s)";
constexpr double kLimit = 52e6;
constexpr double kFrom = 10;
constexpr double kTo = 15;
constexpr auto kLongestRun = 180s;

std::string run_command(const std::vector<std::string>& sets) {
  std::string command = "./brim run study.toml --live --format json --set live.swap_folder=/w/swap";
  for (const std::string& set : sets) command += " --set '" + set + "'";
  return command;
}

std::vector<std::string> and_also(std::vector<std::string> sets, const std::string& set) {
  sets.push_back(set);
  return sets;
}

double accesses_of(const json& found) { return values_of(found, "thrash.accesses").back().second; }
double fairness_of(const json& found) { return values_of(found, "thrash.fairness").back().second; }

class ThrashV2 : public testing::Test {
 protected:
  static void TearDownTestSuite() {
    uncontrolled_ = json();
    machine_.reset();
  }
  void SetUp() override {
    if (!machine_) machine_ = std::make_unique<V2Machine>();
    BRIM_NEEDS(machine_->missing().empty(), machine_->missing());
    ASSERT_EQ(machine_->problem(), "");
  }
  void TearDown() override {
    if (!machine_->missing().empty() || !machine_->problem().empty()) return;
    if (HasFailure()) machine_->run("kill -9 $(cat run.pid guard.pid); ./brim restore");
    EXPECT_EQ(machine_->left(), "");
  }

  // Until as many consumers are there.
  static void start_run(const std::vector<std::string>& sets, std::size_t consumers,
                        const std::string& flags = "") {
    machine_->start("run", run_command(sets) + flags);
    ASSERT_TRUE(V2Machine::becomes(
        [consumers] { return machine_->consumers().pids.size() == consumers; }, 60s))
        << machine_->file("run.errors");
  }
  // `watch` is called again and again until the run ends.
  static json result_of_run(const std::function<void()>& watch = {}) {
    while (watch && !machine_->ended("run")) {
      watch();
      std::this_thread::sleep_for(V2Machine::kBetweenLooks);
    }
    EXPECT_EQ(machine_->wait("run", kLongestRun), 0) << machine_->file("run.errors");
    json found = json::parse(machine_->file("run.output"), nullptr, false);
    EXPECT_TRUE(found.is_object());
    return found;
  }
  // Nobody's control; once.
  static const json& uncontrolled() {
    if (uncontrolled_.is_null()) {
      start_run(kSets, 4);
      uncontrolled_ = result_of_run();
    }
    return uncontrolled_;
  }

  // brim is killed, and what it left is taken away by its next start.
  static void expect_killed_run_goes() {
    machine_->kill("run", "KILL");
    const auto nobody_left = [] {
      return machine_->run("./tasks brim; ./tasks brim-agent; ./tasks systemd-oomd").empty();
    };
    EXPECT_TRUE(V2Machine::becomes(nobody_left, 30s));
    EXPECT_THAT(machine_->left(), HasSubstr("/sys/fs/cgroup/brim-group-thrash-"));
    EXPECT_THAT(machine_->run("./brim restore"), HasSubstr("removed the cgroup"));
  }

  // Below this one, as systemd does for what it starts.
  static void give_each_consumer_a_cgroup(const std::string& below) {
    machine_->run("for below in " + below +
                  "; do ./tasks brim-agent | while read -r pid state; do "
                  "mkdir $below/app-$pid && echo $pid >$below/app-$pid/cgroup.procs; done; done");
  }
  // Of such cgroups.
  static std::size_t frozen() {
    const std::string files = machine_->run(
        "grep -l 'frozen 1' /sys/fs/cgroup/app-*/cgroup.events "
        "/sys/fs/cgroup/brim-group-*/app-*/cgroup.events 2>/dev/null");
    return static_cast<std::size_t>(std::ranges::count(files, '\n'));
  }
  // Of the guard's log.
  static std::vector<json> events(const std::string& kind) {
    std::vector<json> found;
    std::istringstream lines(machine_->file("guard.output"));
    for (std::string line; std::getline(lines, line);)
      if (json event = json::parse(line, nullptr, false);
          event.is_object() && event.value("event", "") == kind)
        found.push_back(std::move(event));
    return found;
  }

  static inline std::unique_ptr<V2Machine> machine_;
  static inline json uncontrolled_;
};

TEST_F(ThrashV2, Demand_beyond_a_groups_limit_thrashes_within_it_and_leaves_nothing) {
  ASSERT_EQ(machine_->run("grep '^cgroup ' /proc/mounts"), "") << "no hierarchy of version 1";
  const json& found = uncontrolled();
  ASSERT_TRUE(found.is_object());
  for (const auto& [t, bytes] : values_of(found, "thrash.resident_bytes"))
    EXPECT_LE(bytes, kLimit) << t;
  EXPECT_EQ(mean_of(found, "thrash.consumers_running", kFrom, kTo), 4);
  EXPECT_GT(mean_of(found, "thrash.resident_bytes", kFrom, kTo), 0.8 * kLimit);
  EXPECT_GT(mean_of(found, "thrash.swapped_bytes", kFrom, kTo), 50e6);
  EXPECT_GT(mean_of(found, "thrash.major_faults_per_s", kFrom, kTo), 100);
  EXPECT_GT(mean_of(found, "thrash.refaults_per_s", kFrom, kTo), 100);
  EXPECT_GT(mean_of(found, "thrash.pressure_full_percent", kFrom, kTo), 5);
  EXPECT_GT(mean_of(found, "thrash.pages_out_per_s", kFrom, kTo), 100);
  const double alone = mean_of(found, "thrash.accesses_per_s", 4.5, 5.2);
  const double all = mean_of(found, "thrash.accesses_per_s", kFrom, kTo);
  std::printf("one alone: %.0f accesses a second, all four: %.0f, with %.0f faults, %.0f %% PSI\n",
              alone, all, mean_of(found, "thrash.major_faults_per_s", kFrom, kTo),
              mean_of(found, "thrash.pressure_full_percent", kFrom, kTo));
  EXPECT_LT(all, 2 * alone) << "less than half of what four would make";
  for (const char* figure : {"pressure", "refaults", "memory", "processor time"})
    EXPECT_THAT(found["notes"].dump(), Not(HasSubstr(figure + std::string(" of the group: "))));
}

TEST_F(ThrashV2, Frozen_in_turns_by_brims_guard_all_get_on_and_nobody_is_killed) {
  ASSERT_NO_FATAL_FAILURE(start_run(and_also(kSets, "mechanism.control=brim"), 4));
  give_each_consumer_a_cgroup("/sys/fs/cgroup/brim-group-*");
  std::size_t most_frozen = 0;
  const json found = result_of_run([&] { most_frozen = std::max(most_frozen, frozen()); });
  ASSERT_TRUE(found.is_object());
  ASSERT_TRUE(uncontrolled().is_object());
  const double with = accesses_of(found);
  const double without = accesses_of(uncontrolled());
  std::printf("%.0f accesses without control, %.0f under brim's guard; fairness %.2f and %.2f\n",
              without, with, fairness_of(uncontrolled()), fairness_of(found));
  EXPECT_GE(most_frozen, 1U);
  // Left alone, now and then one of them comes to have all its pages, and runs unhindered.
  EXPECT_GT(with, 0.3 * without);
  EXPECT_GT(fairness_of(found), 0.4);
  EXPECT_EQ(values_of(found, "thrash.consumers_killed").back().second, 0);
  for (int number = 1; number <= 4; ++number)
    EXPECT_GT(
        values_of(found, "thrash.accesses", "consumer " + std::to_string(number)).back().second, 0);
}

// All in one cgroup: by signals.
TEST_F(ThrashV2, Killed_in_its_midst_it_leaves_nobody_and_its_next_start_takes_the_rest_away) {
  ASSERT_NO_FATAL_FAILURE(start_run(and_also(kSets, "mechanism.control=brim"), 4));
  ASSERT_TRUE(V2Machine::becomes([] { return machine_->consumers().stopped > 0; }, 60s));
  expect_killed_run_goes();
}

// The daemon goes as well, with its own /run and /proc/meminfo, and the cgroup of each consumer.
TEST_F(ThrashV2, Killed_with_systemd_oomd_at_work_it_leaves_nobody_either) {
  BRIM_NEEDS(machine_->has_oomd(), "no systemd-oomd here");
  ASSERT_NO_FATAL_FAILURE(start_run(and_also(kSets, kOomd), 4));
  const auto at_work = [] {
    const std::string taken =
        machine_->run("cat /sys/fs/cgroup/brim-group-*/part-1/memory.current");
    return std::atof(taken.c_str()) > 24e6 && !machine_->run("./tasks systemd-oomd").empty();
  };
  ASSERT_TRUE(V2Machine::becomes(at_work, 60s)) << machine_->file("run.errors");
  expect_killed_run_goes();
}

// Who is protected by memory.low, as seen in the course of a run.
struct ProtectedParts {
  std::set<std::string> seen;
  double most_bytes = 0;  // that one of them had meanwhile

  void look(V2Machine& machine) {
    std::istringstream lines(
        machine.run("for low in /sys/fs/cgroup/brim-group-*/part-*/memory.low; do "
                    "read -r bytes <$low && [ \"$bytes\" = max ] && "
                    "read -r bytes <${low%low}current && echo $low $bytes; done 2>/dev/null"));
    std::size_t count = 0;
    std::string low;
    for (double bytes = 0; lines >> low >> bytes; ++count) {
      seen.insert(low);
      most_bytes = std::max(most_bytes, bytes);
    }
    EXPECT_LE(count, 1U);
  }
};

// One at a time gets all it wants of memory.
TEST_F(ThrashV2, The_swap_token_goes_round_as_memory_low_of_a_cgroup_each) {
  ProtectedParts holders;
  ASSERT_NO_FATAL_FAILURE(start_run(and_also(kSets, "mechanism.control=swap-token"), 4));
  const json found = result_of_run([&] { holders.look(*machine_); });
  ASSERT_TRUE(found.is_object());
  std::printf("%zu held the token, with up to %.0f bytes; %.0f accesses, %.0f without control\n",
              holders.seen.size(), holders.most_bytes, accesses_of(found),
              accesses_of(uncontrolled()));
  EXPECT_GE(holders.seen.size(), 1U);
  EXPECT_GT(holders.most_bytes, 24e6);
  EXPECT_EQ(values_of(found, "thrash.consumers_killed").back().second, 0);
}

// Told to act within the run, of which all have 9 s. Each consumer's cgroup has one more process,
// which does nothing: a consumer that ends by itself leaves it there.
TEST_F(ThrashV2, Systemd_oomd_kills_some_consumers_with_all_that_is_in_their_cgroups) {
  BRIM_NEEDS(machine_->has_oomd(), "no systemd-oomd here");
  const std::string each_part = "for part in /sys/fs/cgroup/brim-group-*/part-*; do ";
  ASSERT_NO_FATAL_FAILURE(start_run(and_also({"guests.0.run_for=15s"}, kOomd), 4));
  ASSERT_TRUE(
      V2Machine::becomes([] { return !machine_->run("./tasks systemd-oomd").empty(); }, 60s))
      << machine_->file("run.errors");
  machine_->run(each_part +
                "(echo 0 >$part/cgroup.procs && exec sleep 300) >/dev/null 2>&1 </dev/null & done");
  std::set<std::string> emptied;
  const json found = result_of_run([&] {
    std::istringstream lines(
        machine_->run(each_part + "grep -q . $part/cgroup.procs || echo $part; done"));
    // The run's end empties them all.
    if (machine_->consumers().pids.empty()) return;
    for (std::string part; lines >> part;) emptied.insert(part);
  });
  ASSERT_TRUE(found.is_object());
  const double killed = values_of(found, "thrash.consumers_killed").back().second;
  std::printf("%zu cgroups empty before the end; %.0f accesses\n", emptied.size(),
              accesses_of(found));
  for (const json& note : found["notes"])
    if (const auto text = note.get<std::string>(); text.starts_with("The control killed"))
      std::printf("%s\n", text.c_str());
  EXPECT_GE(killed, 1);
  EXPECT_LE(killed, 3);
  EXPECT_GE(emptied.size(), 1U);
  EXPECT_LE(emptied.size(), killed);
  EXPECT_THAT(found["notes"].dump(), HasSubstr("The control killed"));
  EXPECT_THAT(found["notes"].dump(), Not(HasSubstr("its latencies end there"))) << "of a probe";
}

// All four from 5 to 15 s. The emulated processor is busy with paging, so that its use is left out
// of the rule.
const std::vector<std::string> kShortSets{"guests.0.start_interval=1s", "guests.0.run_for=13s"};

TEST_F(ThrashV2, Tpf_protects_one_that_faults_much) {
  ProtectedParts protected_ones;
  ASSERT_NO_FATAL_FAILURE(start_run(
      and_also(kShortSets, "mechanism.control=tpf(cpu_low=1,cpu_high=1,interval=500ms)"), 4));
  const json found = result_of_run([&] { protected_ones.look(*machine_); });
  ASSERT_TRUE(found.is_object());
  std::printf("%zu were protected, with up to %.0f bytes; processors were used %.0f %%\n",
              protected_ones.seen.size(), protected_ones.most_bytes,
              mean_of(found, "thrash.cpu_use_percent", 6, 15));
  EXPECT_GE(protected_ones.seen.size(), 1U);
  EXPECT_GT(protected_ones.most_bytes, kLimit / 4) << "more than its share";
  EXPECT_EQ(values_of(found, "thrash.consumers_killed").back().second, 0);
}

TEST_F(ThrashV2, Local_replacement_gives_each_the_same_limit) {
  std::vector<double> quarters;  // as four had the same
  ASSERT_NO_FATAL_FAILURE(start_run(and_also(kShortSets, "mechanism.scope=local"), 4));
  const json found = result_of_run([&] {
    std::istringstream lines(machine_->run(
        "cat /sys/fs/cgroup/brim-group-*/part-*/memory.max 2>/dev/null | grep -v max | sort -u"));
    std::vector<double> limits;
    for (double bytes = 0; lines >> bytes;) limits.push_back(bytes);
    if (limits.size() == 1 && limits.front() < kLimit / 4) quarters.push_back(limits.front());
  });
  ASSERT_TRUE(found.is_object());
  ASSERT_FALSE(quarters.empty());
  std::printf("each had %.0f bytes; %.0f faults a second\n", quarters.front(),
              mean_of(found, "thrash.major_faults_per_s", 6, 15));
  EXPECT_GT(quarters.front(), kLimit / 6);
  EXPECT_EQ(quarters.front(), quarters.back());
  EXPECT_GT(mean_of(found, "thrash.major_faults_per_s", 6, 15), 100);
}

TEST_F(ThrashV2, The_guard_sees_the_whole_machine_thrash_and_freezes_cgroups_in_turns) {
  ASSERT_NO_FATAL_FAILURE(start_run(
      {"live.where=machine", "hardware.swap_size=1536MiB", "loads.writer.memory=56000000B",
       "guests.0.count=8", "guests.0.start_interval=500ms", "guests.0.run_for=120s",
       "schedule.duration=150s"},
      8, " --whole-machine"));
  give_each_consumer_a_cgroup("/sys/fs/cgroup");
  machine_->start("guard", "./brim guard --act --only thrash --format json");
  EXPECT_TRUE(V2Machine::becomes([] { return frozen() > 0; }, 90s))
      << machine_->file("guard.output");
  // A turn or two.
  EXPECT_TRUE(V2Machine::becomes(
      [] {
        return std::ranges::count_if(events("action"),
                                     [](const json& one) { return one["act"] == "thaw"; }) >= 2;
      },
      60s))
      << machine_->file("guard.output");
  EXPECT_TRUE(V2Machine::becomes([] { return frozen() > 0; }, 20s));
  EXPECT_EQ(machine_->consumers().stopped, 0) << "whole cgroups need no signal";
  machine_->kill("guard", "KILL");
  EXPECT_TRUE(V2Machine::becomes([] { return frozen() == 0; }, 15s)) << "the watchdog lets all go";
  EXPECT_EQ(machine_->consumers().pids.size(), 8U) << "nobody was killed";

  bool host_takes_turns = false;
  for (const json& one : events("domain")) {
    if (one["state"] != "turns") continue;
    host_takes_turns = true;
    std::printf("%s\n", one["reason"].get<std::string>().c_str());
    EXPECT_EQ(one["domain"], "host");
    EXPECT_GT(one["demand_bytes"], one["room_bytes"]);
    EXPECT_GE(one["groups"], 2);
  }
  EXPECT_TRUE(host_takes_turns) << machine_->file("guard.output");
  for (const json& action : events("action"))
    for (const json& task : action["tasks"]) EXPECT_EQ(task["name"], "brim-agent") << action;

  machine_->kill("run", "TERM");
  EXPECT_NE(machine_->wait("run", 60s), -1);
  machine_->run("./brim restore; rmdir /sys/fs/cgroup/app-*");
}

}  // namespace
}  // namespace brim::live
