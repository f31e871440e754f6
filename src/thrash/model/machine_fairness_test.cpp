// SPDX-License-Identifier: Apache-2.0
// Who keeps its pages. A policy that goes by references favours those who make them, and one that
// waits for its pages makes none: where the device is slow and most of what is wanted is there,
// some processes have all of it and run as if nothing were, and the others starve. It is not the
// machine's doing: what does not look at references treats all alike on the same machine, and so
// does a clock where a page that is missing costs hardly more than one that is there.
//
// With a share r of its pages resident a process makes 1 / (1 - r) accesses for each page that it
// waits for, and references a page of its own within a turn of the hand at a rate that grows with
// it; what it loses is r exp(-r / (1 - r)) of what all do. Where that falls with r, who has more
// gets more: above r = 1/2.
#include "thrash/model/test_machines.h"

#include <algorithm>
#include <string>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::by_name;
using test::MachineRun;

constexpr std::uint64_t kFramesShared = 2000;

// Six processes that start together and want so much of memory between them.
MachinePlan six(const char* policy, double demand, const DeviceShape& device) {
  MachinePlan plan = test::small_machine(kFramesShared, device);
  plan.memory.replacement = by_name(policy);
  for (int i = 0; i < 6; ++i)
    plan.processes.push_back(test::uniform_process(
        static_cast<std::uint32_t>(static_cast<double>(kFramesShared) * demand / 6), 1000, 10ms));
  return plan;
}

// Jain's index of what processes hold: 1 where all have the same, 1/6 where one has all.
double evenness(const MachineSample& sample) {
  double sum = 0;
  double squares = 0;
  for (const ProcessSample& process : sample.processes) {
    const auto frames = static_cast<double>(process.frames);
    sum += frames;
    squares += frames * frames;
  }
  return sum * sum / squares / static_cast<double>(sample.processes.size());
}
double evenness_after(const MachinePlan& plan, ModelTime time) {
  MachineRun run(plan);
  run.until(time);
  return evenness(run.samples.back());
}

TEST(MachineFairnessTest, What_does_not_look_at_references_treats_all_alike) {
  for (const char* policy : {"fifo", "random"})
    EXPECT_GT(evenness_after(six(policy, 1.3, test::disk()), 30s), 0.97) << policy;
}

TEST(MachineFairnessTest, References_favour_those_who_need_not_wait_for_their_pages) {
  for (const char* policy : {"clock", "linux-two-list", "lru"}) {
    MachineRun run(six(policy, 1.3, test::disk()));
    run.until(30s);
    EXPECT_LT(evenness(run.samples.back()), 0.9) << policy;
    // Who has all its pages does nearly all the work.
    const std::size_t wanted = static_cast<std::size_t>(kFramesShared * 1.3 / 6);
    std::uint64_t of_the_rich = 0;
    std::uint64_t of_all = 0;
    for (std::size_t i = 0; i < 6; ++i) {
      const ProcessSample& now = run.samples.back().processes[i];
      const std::uint64_t made = now.completed - run.samples[20].processes[i].completed;
      of_all += made;
      if (now.frames + 2 >= wanted) of_the_rich += made;
    }
    EXPECT_GT(static_cast<double>(of_the_rich), 0.9 * static_cast<double>(of_all)) << policy;
  }
}

TEST(MachineFairnessTest, A_clock_is_fair_where_waiting_costs_hardly_anything) {
  CompressedShape cheap;
  cheap.compress = cheap.decompress = 10ns;
  cheap.compressed_share = 0;
  MachinePlan plan = six("clock", 1.3, {Pages(100000), cheap});
  plan.memory.costs = {.minor_fault = 10ns, .major_fault = 20ns, .scan = 1ns, .swap_page = 10ns};
  EXPECT_GT(evenness_after(plan, 5s), 0.93);
}

// Above: six tenths of what is wanted are there, below: a third.
TEST(MachineFairnessTest, Alike_at_the_start_processes_part_ways_only_where_over_half_is_there) {
  const DeviceShape device{Pages(100000), kNvmeFlash};
  EXPECT_LT(evenness_after(six("clock", 1.6, device), 20s), 0.95);
  EXPECT_GT(evenness_after(six("clock", 3, device), 20s), 0.98);
}

}  // namespace
}  // namespace brim::thrash::model
