// SPDX-License-Identifier: Apache-2.0
// The thrashing benchmark on this machine: it thrashes and gets well again, is interrupted, and
// meets what can go wrong, and leaves nothing.
#include "thrash_fixture.h"

#include <cmath>

namespace brim::live {
namespace {

using testing::HasSubstr;

// In half the time, with samples as often in a second of the scenario.
std::vector<std::string> twice_as_fast(std::vector<std::string> sets) {
  sets.insert(sets.end(), {"live.speed=2", "schedule.sample_interval=500ms"});
  return sets;
}

// Starts at 3, 5, 7 and 9 s, ends at 13, 15, 17 and 19 s and later: one alone from 3 to 5 s and
// all four from 9 to 13 s.
void expect_thrashing(const json& found, double least_fall) {
  const double alone = mean_of(found, "thrash.accesses_per_s", 4, 5.2);
  const double all = mean_of(found, "thrash.accesses_per_s", 10, 13);
  EXPECT_GT(4 * alone, least_fall * all) << "four of one's rate against what four get";
  EXPECT_GT(mean_of(found, "thrash.major_faults_per_s", 10, 13), 100);
  EXPECT_LT(mean_of(found, "thrash.major_faults_per_s", 4, 5.2), 20);
  EXPECT_GT(mean_of(found, "thrash.pages_in_per_s", 10, 13), 100);
  EXPECT_GT(mean_of(found, "thrash.pages_out_per_s", 10, 13), 100);
  EXPECT_GT(mean_of(found, "thrash.swapped_bytes", 10, 13), 50e6);
  EXPECT_LE(mean_of(found, "thrash.resident_bytes", 10, 13), 52.1e6);
  EXPECT_EQ(mean_of(found, "thrash.consumers_running", 10, 13), 4);
  // All have ended, and each made what stands in the total.
  const auto total = values_of(found, "thrash.accesses");
  double sum = 0;
  for (int number = 1; number <= 4; ++number) {
    const auto one = values_of(found, "thrash.accesses", "consumer " + std::to_string(number));
    ASSERT_FALSE(one.empty());
    EXPECT_TRUE(std::ranges::is_sorted(one, {}, [](const auto& value) { return value.second; }));
    EXPECT_GT(one.back().second, 500);
    EXPECT_EQ(std::fmod(one.back().second, 500), 0) << "whole bursts";
    sum += one.back().second;
  }
  EXPECT_EQ(sum, total.back().second);
  EXPECT_EQ(values_of(found, "thrash.consumers_running").back().second, 0);
}

TEST_F(ThrashLive, Demand_beyond_memory_thrashes_on_disk_and_gets_well_again) {
  const json found = run_in_which_nobody_is_killed(twice_as_fast({"loads.writer.accesses=2000"}));
  ASSERT_TRUE(found.is_object());
  expect_thrashing(found, 3);
  if (host_.exists("/proc/pressure/memory")) {
    EXPECT_GT(mean_of(found, "thrash.pressure_full_percent", 10, 13), 20);
    EXPECT_LT(mean_of(found, "thrash.pressure_full_percent", 4, 5.2), 10);
  }
  for (const char* probe : {"thrash.wake_ms", "thrash.touch_ms", "thrash.exec_ms"})
    EXPECT_GE(values_of(found, probe).size(), 10U) << probe;
  for (const char* probe : {"thrash.touch_ms", "thrash.exec_ms"})
    EXPECT_GT(mean_of(found, probe, 6, 16), 2 * mean_of(found, probe, 1, 5.2)) << probe;
}

TEST_F(ThrashLive, It_thrashes_on_zram_too) {
  BRIM_NEEDS(host_.exists("/sys/class/zram-control"), "no zram here");
  const json found = run_in_which_nobody_is_killed(twice_as_fast({"hardware.swap=zram"}));
  ASSERT_TRUE(found.is_object());
  // How much is lost there is the processor's speed against its own compression: 1.9 was seen.
  expect_thrashing(found, 1.3);
}

TEST_F(ThrashLive, zswap_stands_before_the_file_and_is_put_back) {
  const std::string kParameters = "/sys/module/zswap/parameters/";
  BRIM_NEEDS(host_.exists(kParameters + "enabled"), "no zswap here");
  const auto settings = [&] {
    return read_text(kParameters + "enabled") + read_text(kParameters + "max_pool_percent");
  };
  const std::string before = settings();
  BrimRun run(*this, twice_as_fast({"hardware.swap=zswap", "schedule.duration=12s"}));
  bool on = false;
  while (run.running()) {
    on = on || read_text(kParameters + "enabled") == "Y\n";
    std::this_thread::sleep_for(50ms);
  }
  ASSERT_EQ(run.wait(), 0) << run.errors();
  EXPECT_TRUE(on);
  EXPECT_EQ(settings(), before);
  EXPECT_GT(mean_of(run.result(), "thrash.pages_in_per_s", 9, 13), 100);
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashLive, A_subset_that_fits_does_not_thrash_and_a_round_robin_holds_some) {
  BrimRun subset(*this, twice_as_fast({"mechanism.control=subset", "schedule.duration=8s"}));
  ASSERT_EQ(subset.wait(), 0) << subset.errors();
  EXPECT_EQ(mean_of(subset.result(), "thrash.consumers_running", 5, 9), 1);
  EXPECT_LT(mean_of(subset.result(), "thrash.major_faults_per_s", 5, 9), 20);
  // Starts at 2, 3, 4 and 5 s, ends at 7, 8, 9 and 10 s.
  BrimRun round(*this, twice_as_fast({"mechanism.control=sigstop-round-robin(slice=500ms)",
                                      "guests.0.start_interval=1s"}));
  ASSERT_EQ(round.wait(), 0) << round.errors();
  const json found = round.result();
  EXPECT_EQ(mean_of(found, "thrash.frozen_consumers", 6, 7), 3);
  EXPECT_EQ(values_of(found, "thrash.consumers_running").back().second, 0) << "all got their turn";
  EXPECT_EQ(left_of(round.pid()), "");
}

TEST_F(ThrashLive, On_the_whole_machine_there_is_no_group_and_a_warning) {
  BrimRun run(*this, {"live.where=machine", "live.speed=2", "schedule.duration=6s"},
              {"--whole-machine"});
  bool group = false;
  while (run.running()) {
    group = group || left_of(run.pid()).find(host::kLimitedGroupPrefix) != std::string::npos;
    std::this_thread::sleep_for(50ms);
  }
  ASSERT_EQ(run.wait(), 0) << run.errors();
  EXPECT_FALSE(group);
  EXPECT_THAT(run.result()["notes"].dump(), HasSubstr("WARNING: the whole machine"));
  EXPECT_GT(values_of(run.result(), "thrash.accesses").back().second, 2000);
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashLive, A_peer_that_kills_is_shown_the_group_and_its_victims_are_told) {
  BRIM_NEEDS(std::system("command -v earlyoom >/dev/null") == 0, "no earlyoom here");
  BrimRun run(*this, {"mechanism.control=earlyoom", "guests.0.start_interval=1s"});
  ASSERT_EQ(run.wait(), 0) << run.errors();
  const json found = run.result();
  EXPECT_GE(values_of(found, "thrash.consumers_killed").back().second, 1);
  EXPECT_LE(values_of(found, "thrash.consumers_killed").back().second, 3) << "one fits";
  EXPECT_THAT(found["notes"].dump(), HasSubstr("The control killed"));
  EXPECT_EQ(values_of(found, "thrash.fits_again_s").size(),
            values_of(found, "thrash.onset_s").size())
      << "who is killed does not run on";
  EXPECT_EQ(left_of(run.pid()), "");
  for (const auto& item : std::filesystem::directory_iterator("/tmp"))
    EXPECT_FALSE(item.path().filename().string().starts_with("brim-meminfo")) << item.path();
}

class ThrashGoneWrong : public ThrashLive {
 protected:
  // The first starts at 0.75 s, two more by 1.75 s; all have ended at 4.75 s or later.
  static inline const std::vector<std::string> kFast{"live.speed=4"};
  // Until its consumers are there and the first have been at work for a while.
  static bool in_its_midst(BrimRun& run) {
    const bool there = eventually([&] { return run.processes("--consumer").size() == 4; }, 30);
    std::this_thread::sleep_for(1900ms);
    return there && run.running();
  }
};

TEST_F(ThrashGoneWrong, Ctrl_C_ends_it_soon_and_leaves_nothing) {
  BrimRun run(*this, kFast);
  ASSERT_TRUE(in_its_midst(run)) << run.errors();
  const auto asked = std::chrono::steady_clock::now();
  ::kill(run.pid(), SIGINT);
  EXPECT_EQ(run.wait(), 130) << run.errors();
  EXPECT_LT(std::chrono::steady_clock::now() - asked, 10s) << "two seconds on a quiet machine";
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashGoneWrong, A_consumer_that_dies_ends_the_run_with_its_name) {
  BrimRun run(*this, kFast);
  ASSERT_TRUE(in_its_midst(run)) << run.errors();
  const auto consumers = run.processes("--consumer");
  ASSERT_FALSE(consumers.empty());
  ::kill(consumers.front(), SIGTERM);
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), HasSubstr("consumer 1 was killed by signal 15"));
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashGoneWrong, A_probe_that_dies_is_told_and_the_run_goes_on) {
  BrimRun run(*this, twice_as_fast({"schedule.duration=12s"}));
  ASSERT_TRUE(in_its_midst(run)) << run.errors();
  for (const int pid : run.processes("kind=touch")) ::kill(pid, SIGKILL);
  ASSERT_EQ(run.wait(), 0) << run.errors();
  const json found = run.result();
  EXPECT_THAT(found["notes"].dump(), HasSubstr("wake and touch probe was killed by signal 9"));
  EXPECT_LT(values_of(found, "thrash.touch_ms").size(), values_of(found, "thrash.exec_ms").size());
}

TEST_F(ThrashGoneWrong, A_group_that_vanishes_ends_the_run) {
  BrimRun run(*this, kFast);
  ASSERT_TRUE(in_its_midst(run)) << run.errors();
  const auto cgroups = host::read_cgroups(host_);
  const std::string name =
      std::string(host::kLimitedGroupPrefix) + "thrash-" + std::to_string(run.pid());
  const auto vanish = [](const std::string& mount, const std::string& folder) {
    std::ifstream members(folder + "/cgroup.procs");
    for (std::string pid; members >> pid;) write_text(mount + "/cgroup.procs", pid);
    return ::rmdir(folder.c_str()) == 0 || errno == ENOENT;
  };
  // The probe starts children meanwhile.
  EXPECT_TRUE(eventually([&] {
    bool all = true;
    for (const host::CgroupMount& mount : cgroups->mounts)
      all = vanish(mount.path, mount.path + "/" + name) && all;
    return all;
  }));
  EXPECT_EQ(run.wait(), 2);
  EXPECT_THAT(run.errors(), HasSubstr("somebody has removed the consumers' cgroup"));
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashGoneWrong, Swap_that_is_full_kills_consumers_and_says_so) {
  BrimRun run(*this, {"hardware.swap_size=16MiB", "guests.0.start_interval=1s", "live.speed=2"});
  ASSERT_EQ(run.wait(), 0) << run.errors();
  const json found = run.result();
  EXPECT_THAT(found["notes"].dump(), HasSubstr("memory and swap hold"));
  EXPECT_THAT(found["notes"].dump(), HasSubstr("memory and swap were full"));
  EXPECT_GE(values_of(found, "thrash.consumers_killed").back().second, 1);
  EXPECT_EQ(left_of(run.pid()), "");
}

TEST_F(ThrashGoneWrong, What_cannot_be_is_said_in_a_line_and_nothing_is_made) {
  const auto refused = [&](const std::string& set, int status) {
    BrimRun run(*this, {set});
    EXPECT_EQ(run.wait(), status) << set << ": " << run.errors();
    EXPECT_EQ(left_of(run.pid()), "") << set;
    return run.errors();
  };
  EXPECT_THAT(refused("hardware.memory=4MiB", 2), HasSubstr("processes and probes need"));
  EXPECT_THAT(refused("hardware.swap_size=6TiB", 3), HasSubstr("free"));
  EXPECT_THAT(refused("hardware.memory=900TiB", 3), HasSubstr("this run may take"));
  EXPECT_THAT(refused("hardware.swap=remote", 2), HasSubstr("for the model"));
  EXPECT_THAT(refused("live.where=machine", 2), HasSubstr("--whole-machine"));
  EXPECT_THAT(refused("mechanism.control=nobody", 2), HasSubstr("control"));
}

}  // namespace
}  // namespace brim::live
