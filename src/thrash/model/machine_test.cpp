// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/machine.h"

#include "thrash/model/test_machines.h"
#include "thrash/model/test_settled_pages.h"

#include <algorithm>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::by_name;
using test::completed_by_all;
using test::disk;
using test::MachineRun;
using test::small_machine;
using test::uniform_process;
using test::zram;

// A process that touches 100 pages of 1,000 frames: 1,000 accesses of 150 ns and 10 ms of sleep.
TEST(MachineTest, Where_all_fits_nothing_is_paged_and_work_goes_on_as_processors_allow) {
  MachinePlan plan = small_machine(1000, disk());
  for (int i = 0; i < 3; ++i) plan.processes.push_back(uniform_process(100, 1000, 10ms));
  MachineRun run(plan);
  run.until(10s);
  for (const MachineSample& sample : run.samples) {
    EXPECT_EQ(sample.major_faults, 0U);
    EXPECT_EQ(sample.pages_out, 0U);
  }
  EXPECT_EQ(run.samples.front().minor_faults, 300U);
  // A cycle is 10 ms of sleep, 0.15 ms of work and up to 0.3 ms of the others'.
  for (ThreadNumber process = 0; process < 3; ++process) {
    EXPECT_GT(run.machine.completed(process), 10000 / 10.5 * 1000);
    EXPECT_LT(run.machine.completed(process), 10000 / 10.15 * 1000);
  }
}

TEST(MachineTest, A_process_that_never_sleeps_takes_all_user_time) {
  MachinePlan plan = small_machine(1000, disk());
  plan.processes.push_back(uniform_process(100, 1'000'000'000, 0ms));
  MachineRun run(plan);
  run.until(5s);
  EXPECT_NEAR(run.samples.back().user_percent, 100, 0.1);
  EXPECT_NEAR(static_cast<double>(run.machine.completed(0)), 5.0 / 150e-9, 1e5);
  EXPECT_EQ(run.samples.back().runnable, 1U);
}

TEST(MachineTest, Processes_share_processors_alike_and_no_more_run_than_there_are) {
  MachinePlan plan = small_machine(1000, disk());
  plan.processors = 2;
  for (int i = 0; i < 3; ++i) plan.processes.push_back(uniform_process(100, 1'000'000'000, 0ms));
  MachineRun run(plan);
  run.until(6s);
  EXPECT_NEAR(run.samples.back().user_percent, 100, 0.2);
  for (ThreadNumber process = 0; process < 3; ++process)
    EXPECT_NEAR(static_cast<double>(run.machine.completed(process)), 4.0 / 150e-9, 2e5);
}

// Two that only page, on two processors and compressed memory.
TEST(MachineTest, Where_one_can_page_at_a_time_a_second_processor_brings_no_more_faults) {
  const DeviceShape beside_memory{
      Pages(10000), CompressedShape{.takes_memory = false, .most_pool = {}, .backing = {}}};
  const auto faults_in_2s = [&](std::uint32_t processors, std::uint32_t at_once) {
    MachinePlan plan = small_machine(500, beside_memory);
    plan.processors = processors;
    plan.paging_at_once = at_once;
    for (int i = 0; i < 2; ++i) plan.processes.push_back(uniform_process(2000, 1'000'000, 0ms));
    MachineRun run(plan);
    run.until(2s);
    EXPECT_GT(run.samples.back().system_percent, 90) << "who has to wait spins";
    return static_cast<double>(run.major_faults());
  };
  const double alone = faults_in_2s(1, 0);
  EXPECT_NEAR(faults_in_2s(2, 1) / alone, 1, 0.1);
  EXPECT_GT(faults_in_2s(2, 0) / alone, 1.8);
  EXPECT_NEAR(faults_in_2s(2, 2), faults_in_2s(2, 0), 1);
}

// Of P pages R are resident: an access misses with 1 - R / P, whatever is taken out at random.
TEST(MachineTest, Random_replacement_misses_as_often_as_the_share_of_pages_that_are_out) {
  constexpr double kPages = 2000;
  MachinePlan plan = small_machine(1500, {Pages(4000), kNvmeFlash});
  plan.memory.watermarks = {.min = Pages(8), .low = Pages(10), .high = Pages(12)};
  plan.memory.replacement = by_name("random");
  plan.memory.batch = 1;
  plan.processes.push_back(uniform_process(2000, 1000, 1ms));
  MachineRun run(plan);
  run.until(2s);
  const std::uint64_t completed = run.machine.completed(0);
  const std::uint64_t faults = run.major_faults();
  run.until(6s);
  double resident = 0;
  for (std::size_t i = 2; i < 6; ++i)
    resident += static_cast<double>(run.samples[i].processes[0].frames) / 4;
  const double misses = static_cast<double>(run.major_faults() - faults) /
                        static_cast<double>(run.machine.completed(0) - completed);
  EXPECT_NEAR(misses, 1 - resident / kPages, 0.01);
}

// One process, no frames kept free and one page taken at a time: the machine does what replay.h
// does, fault by fault, if the policy is told of each access.
TEST(MachineTest, Demand_paging_makes_the_faults_of_a_replayed_trace) {
  constexpr std::size_t kFrames = 60;
  constexpr std::uint64_t kAccesses = 20000;
  const PatternShape shape = ZipfBursts{{.pages = 100, .accesses = kAccesses, .sleep = 1h}, 0.8};
  PageTrace trace;
  trace.pages = 100;
  const auto pattern = make_pattern(shape, Rng(1).split("process", 0));
  const test::OwnSettledPages none(100);
  for (; pattern->left() > 0; pattern->made(1)) {
    const PageAccess access = *pattern->propose(none, 1, 0s).then;
    trace.references.emplace_back(access.page, access.access);
  }
  for (const char* name : {"clock", "fifo", "lru", "random"}) {
    MachinePlan plan = small_machine(kFrames, {Pages(1000), kNvmeFlash});
    plan.memory.watermarks = {};
    plan.tick = 1h;  // at which one that waits for a frame would try again
    plan.memory.batch = 1;
    plan.memory.replacement = by_name(name);
    plan.memory.replacement.every_hit = true;
    plan.processes.push_back({.pattern = shape});
    MachineRun run(plan);
    run.until(60s);
    EXPECT_EQ(run.machine.completed(0), kAccesses);
    const ReplayCounts counts = find_policy(name)->replay(
        {.trace = trace, .frames = kFrames, .rng = Rng(1).split("memory")},
        study::Settings(find_policy(name)->family.parameters));
    const MemoryCounts& made = run.machine.memory().counts();
    EXPECT_EQ(made.minor_faults + made.major_faults, counts.faults) << name;
    EXPECT_EQ(made.minor_faults, counts.cold_faults) << name;
    EXPECT_EQ(made.pages_out, counts.writebacks) << name;
  }
}

TEST(MachineTest, Frames_pages_and_slots_are_conserved_at_each_event) {
  for (const char* policy : {"clock", "random"}) {
    for (const DeviceShape& device : {disk(), DeviceShape{Pages(500), CompressedShape{}}}) {
      for (const ReadAhead ahead :
           {ReadAhead::none, ReadAhead::slots, ReadAhead::pages, ReadAhead::adjacent}) {
        MachinePlan plan = small_machine(100, device);
        plan.memory.replacement = by_name(policy);
        plan.memory.read_ahead = ahead;
        plan.processors = 2;
        for (int i = 0; i < 3; ++i) {
          plan.processes.push_back(uniform_process(50, 100, 1ms));
          plan.processes.back().run_for = std::chrono::milliseconds(40 * i + 40);
          std::get<UniformBursts>(plan.processes.back().pattern).burst.write_share = i * 0.4;
        }
        MachineRun run(plan);
        run.machine.after_each_event(
            [&] { ASSERT_EQ(run.machine.memory().inconsistency(), "") << policy; });
        run.until(4s);
        if (HasFailure()) return;
        EXPECT_GT(run.major_faults(), 0U);
        EXPECT_EQ(run.machine.memory().free_frames(), 100U);
        EXPECT_EQ(run.machine.memory().swap().used(), 0U);
      }
    }
  }
}

// Six processes of 95 and 130 % of memory between them. What random replacement takes out is needed
// again at once. A clock lets some of them keep all they have while the others starve.
TEST(MachineTest, Work_falls_off_a_cliff_where_demand_exceeds_memory_less_so_on_zram) {
  const auto work = [](const char* policy, double demand, const DeviceShape& device) {
    MachinePlan plan = small_machine(3000, device);
    plan.memory.replacement = by_name(policy);
    for (int i = 0; i < 6; ++i)
      plan.processes.push_back(
          uniform_process(static_cast<std::uint32_t>(3000 * demand / 6), 1000, 10ms));
    MachineRun run(plan);
    run.until(5s);
    const std::uint64_t before = completed_by_all(run.machine);
    run.until(8s);
    return static_cast<double>(completed_by_all(run.machine) - before);
  };
  const double fits = work("random", 0.95, disk());
  const double on_disk = work("random", 1.3, disk());
  const double on_zram = work("random", 1.3, zram());
  EXPECT_LT(on_disk, fits / 100);
  EXPECT_GT(on_zram, 20 * on_disk);
  EXPECT_LT(on_zram, fits / 2);
  EXPECT_EQ(work("clock", 0.95, disk()), fits);
  EXPECT_GT(work("clock", 1.3, disk()), on_disk);
}

TEST(MachineTest, Background_reclaim_keeps_frames_free_for_faults) {
  MachinePlan plan = small_machine(2000, {Pages(8000), kNvmeFlash});
  plan.memory.replacement = by_name("random");
  plan.memory.watermarks = {.min = Pages(40), .low = Pages(100), .high = Pages(160)};
  for (int i = 0; i < 4; ++i) plan.processes.push_back(uniform_process(700, 100, 10ms));
  MachineRun run(plan);
  run.until(2s);
  std::size_t least = 2000;
  std::size_t most = 0;
  run.machine.after_each_event([&] {
    least = std::min(least, run.machine.memory().free_frames());
    most = std::max(most, run.machine.memory().free_frames());
  });
  run.until(6s);
  EXPECT_GE(least, 40U);
  EXPECT_LT(least, 100U);
  EXPECT_GE(most, 160U);
  EXPECT_LT(most, 160U + 32U);
}

// The only process has the processor for seconds.
TEST(MachineTest, Background_reclaim_does_not_wait_for_the_end_of_a_slice) {
  MachinePlan plan = small_machine(2000, zram());
  plan.slice = 10s;
  plan.memory.watermarks = {.min = Pages(40), .low = Pages(100), .high = Pages(160)};
  plan.processes.push_back(uniform_process(2500, 1'000'000'000, 0ms));
  MachineRun run(plan);
  std::size_t least = 2000;
  run.machine.after_each_event(
      [&] { least = std::min(least, run.machine.memory().free_frames()); });
  run.until(200ms);
  EXPECT_GE(least, 95U);
  EXPECT_LT(least, 100U);
}

// Two processors: what one process takes from the other is missed there in the midst of its slice,
// and taken back before it is written.
TEST(MachineTest, A_process_misses_pages_taken_while_it_runs) {
  MachinePlan plan = small_machine(500, {Pages(4000), kNvmeFlash});
  plan.processors = 2;
  plan.slice = 100s;
  plan.memory.replacement = by_name("fifo");
  for (int i = 0; i < 2; ++i) plan.processes.push_back(uniform_process(400, 1'000'000'000, 0ms));
  plan.processes[1].start = 1s;
  MachineRun run(plan);
  run.until(1s);
  EXPECT_EQ(run.major_faults(), 0U);
  run.until(1100ms);
  EXPECT_GT(run.machine.memory().counts().rescued, 1000U);
  EXPECT_EQ(run.machine.memory().held(0), 400U);
}

TEST(MachineTest, Time_is_all_accounted_for_and_waits_for_the_disk_when_it_thrashes) {
  MachinePlan plan = small_machine(400, disk());
  for (int i = 0; i < 4; ++i) plan.processes.push_back(uniform_process(200, 1000, 10ms));
  MachineRun run(plan);
  run.until(20s);
  for (const MachineSample& sample : run.samples)
    EXPECT_NEAR(
        sample.user_percent + sample.system_percent + sample.idle_percent + sample.waiting_percent,
        100, 1e-6);
  EXPECT_GT(run.samples.back().waiting_percent, 80);
  EXPECT_GT(run.samples.back().device_busy_percent, 95);
  EXPECT_GT(run.samples.back().blocked, 0U);
}

TEST(MachineTest, The_same_seed_gives_the_same_samples) {
  const auto samples = [](std::uint64_t seed) {
    MachinePlan plan = small_machine(400, disk());
    for (int i = 0; i < 4; ++i) plan.processes.push_back(uniform_process(200, 1000, 10ms));
    MachineRun run(plan, nullptr, seed);
    run.until(10s);
    std::vector<std::uint64_t> numbers;
    for (const MachineSample& sample : run.samples) {
      numbers.insert(numbers.end(), {sample.pages_in, sample.pages_out, sample.minor_faults,
                                     sample.major_faults, sample.free_frames});
      for (const ProcessSample& process : sample.processes) numbers.push_back(process.completed);
    }
    return numbers;
  };
  EXPECT_EQ(samples(1), samples(1));
  EXPECT_NE(samples(1), samples(2));
}

// The same work with all accesses as steps of their own: policies for which a hit on a settled page
// changes nothing can't tell the two.
TEST(MachineTest, Single_steps_and_skipped_ones_give_the_same_rates) {
  const auto rates = [](bool every_hit) {
    double faults = 0;
    double completed = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
      MachinePlan plan = small_machine(400, {Pages(4000), kSataFlash});
      plan.memory.replacement = by_name("clock");
      plan.memory.replacement.every_hit = every_hit;
      plan.processors = 2;
      for (int i = 0; i < 2; ++i) plan.processes.push_back(uniform_process(250, 500, 2ms));
      MachineRun run(plan, nullptr, seed);
      run.until(4s);
      faults += static_cast<double>(run.major_faults());
      completed += static_cast<double>(completed_by_all(run.machine));
    }
    return std::pair(faults, completed);
  };
  const auto [faults, completed] = rates(false);
  const auto [faults_by_steps, completed_by_steps] = rates(true);
  EXPECT_NEAR(faults / faults_by_steps, 1, 0.02);
  EXPECT_NEAR(completed / completed_by_steps, 1, 0.02);
}

TEST(MachineTest, A_process_ends_after_its_last_burst_and_says_how_late) {
  MachinePlan plan = small_machine(1000, disk());
  plan.processes.push_back(uniform_process(100, 1000, 300ms));
  plan.processes.back().start = 2s;
  plan.processes.back().run_for = 1s;
  MachineRun run(plan);
  run.until(2s);
  EXPECT_EQ(run.machine.completed(0), 0U);
  run.until(10s);
  const ProcessEnd end = run.machine.ended(0);
  EXPECT_EQ(end.ending, Ending::ended);
  EXPECT_GE(end.at, 3200ms);
  EXPECT_LT(end.at, 3210ms);
  EXPECT_EQ(end.late, end.at - 3s);
  EXPECT_EQ(run.machine.memory().free_frames(), 1000U);
}

TEST(MachineTest, Swap_that_is_full_kills_the_largest_and_the_others_go_on) {
  MachinePlan plan = small_machine(300, {Pages(100), kSataFlash});
  plan.processes.push_back(uniform_process(150, 1000, 1ms));
  plan.processes.push_back(uniform_process(400, 1000, 1ms));
  MachineRun run(plan);
  run.until(20s);
  EXPECT_EQ(run.machine.ended(1).ending, Ending::killed);
  EXPECT_EQ(run.machine.ended(0).ending, Ending::none);
  EXPECT_GT(run.samples.back().processes[0].completed, run.samples[10].processes[0].completed);
  EXPECT_EQ(run.machine.memory().inconsistency(), "");
}

TEST(MachineTest, Remote_memory_that_fails_takes_those_with_pages_there_along) {
  MachinePlan plan = small_machine(300, {Pages(4000), RemoteShape{.fails_at = 5s}});
  plan.processes.push_back(uniform_process(250, 1000, 1ms));
  plan.processes.push_back(uniform_process(250, 1000, 1ms));
  plan.processes.push_back(uniform_process(10, 1000, 1ms));
  plan.processes.back().start = 6s;
  MachineRun run(plan);
  run.until(10s);
  EXPECT_EQ(run.machine.ended(0).ending, Ending::killed);
  EXPECT_EQ(run.machine.ended(1).at, 5s);
  EXPECT_GT(run.machine.completed(2), 1000U);
  EXPECT_EQ(run.machine.memory().free_frames(), 290U);
  EXPECT_EQ(run.machine.memory().inconsistency(), "");
}

TEST(MachineTest, Local_replacement_keeps_a_process_within_its_quota) {
  MachinePlan plan = small_machine(200, {Pages(4000), kSataFlash});
  plan.memory.local = true;
  plan.processes.push_back(uniform_process(120, 100, 1ms));
  plan.processes.back().quota = Pages(60);
  plan.processes.push_back(uniform_process(80, 100, 1ms));
  plan.processes.back().quota = Pages(100);
  MachineRun run(plan);
  run.machine.after_each_event([&] { ASSERT_EQ(run.machine.memory().inconsistency(), ""); });
  run.until(5s);
  EXPECT_EQ(run.machine.controls().process(1).major_faults, 0U);
  EXPECT_GT(run.machine.controls().process(0).major_faults, 100U);
  EXPECT_GT(run.machine.memory().free_frames(), 40U);
}

}  // namespace
}  // namespace brim::thrash::model
