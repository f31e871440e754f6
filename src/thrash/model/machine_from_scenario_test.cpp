// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/machine_from_scenario.h"

#include "thrash/model/test_scenarios.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::small_scenario;
using test::SmallScenario;
using testing::HasSubstr;

SimulatedRun run_of(const SmallScenario& parts) {
  const study::ScenarioFile file = small_scenario(parts);
  auto run = machine_from_scenario(file.base());
  EXPECT_TRUE(run) << error_line(run.error());
  return std::move(*run);
}
std::string refusal(const SmallScenario& parts) {
  const study::ScenarioFile file = small_scenario(parts);
  const auto run = machine_from_scenario(file.base());
  EXPECT_FALSE(run);
  if (run) return {};
  EXPECT_EQ(run.error().code, ErrorCode::bad_input);
  return error_line(run.error());
}

TEST(MachineFromScenarioTest, Memory_is_the_machines_less_the_systems_own) {
  const SimulatedRun run = run_of({.mechanism = "policy = \"system\"\nown_memory = \"4MiB\""});
  EXPECT_EQ(run.machine.memory.frames, whole_pages(mebibytes(12)));
  EXPECT_EQ(run.machine.memory.swap.slots, whole_pages(mebibytes(64)));
  EXPECT_EQ(run.duration, 12s);
  EXPECT_EQ(run.machine.sample_interval, 1s);
}

TEST(MachineFromScenarioTest, A_group_keeps_no_frames_free_and_controls_are_told_how_large_it_is) {
  const MachinePlan machine =
      run_of({.mechanism = "policy = \"system\"\nreclaim = \"group\""}).machine;
  EXPECT_EQ(machine.memory.watermarks.high, Pages(0));
  ASSERT_TRUE(machine.told_watermarks);
  EXPECT_EQ(machine.told_watermarks->high, linux_watermarks(machine.memory.frames).high);
  EXPECT_FALSE(run_of({}).machine.told_watermarks);
}

TEST(MachineFromScenarioTest,
     What_is_in_a_group_besides_consumers_takes_frames_that_controls_count) {
  const std::string overhead = "policy = \"system\"\ngroup_overhead = \"4MiB\"";
  const SimulatedRun run = run_of({.mechanism = overhead + "\nreclaim = \"group\""});
  EXPECT_EQ(run.machine.memory.frames, whole_pages(mebibytes(12)));
  EXPECT_EQ(run.controlled.frames, whole_pages(mebibytes(16)));
  EXPECT_EQ(run.machine.told_watermarks->high, linux_watermarks(whole_pages(mebibytes(16))).high);
  EXPECT_TRUE(run.control_in_user_space);
  const SimulatedRun machine = run_of({.mechanism = overhead});
  EXPECT_EQ(machine.machine.memory.frames, whole_pages(mebibytes(16))) << "not of a group";
  EXPECT_FALSE(machine.control_in_user_space);
}

TEST(MachineFromScenarioTest, Consumers_come_one_after_the_other) {
  const SimulatedRun run = run_of({.guests = "count = 3\nsettle = \"1s\"\nstart_interval = \"2s\"\n"
                                             "interactive = true"});
  ASSERT_EQ(run.machine.processes.size(), 3U);
  EXPECT_EQ(run.machine.processes[0].start, 3s);
  EXPECT_EQ(run.machine.processes[2].start, 7s);
  EXPECT_EQ(run.machine.processes[2].run_for, 8s);
  EXPECT_EQ(run.controlled.interactive, (std::vector<bool>{true, true, true}));
  EXPECT_EQ(burst_of(run.machine.processes[0].pattern).pages, 1024U);
}

TEST(MachineFromScenarioTest, Scale_makes_memory_and_bursts_smaller_and_leaves_times) {
  const SimulatedRun whole = run_of({});
  const SimulatedRun half = run_of({.study = "scale = 0.5"});
  EXPECT_EQ(half.machine.memory.frames.count() * 2, whole.machine.memory.frames.count());
  EXPECT_EQ(half.machine.memory.swap.slots.count() * 2, whole.machine.memory.swap.slots.count());
  const BurstShape& burst = burst_of(half.machine.processes[0].pattern);
  EXPECT_EQ(burst.pages, 512U);
  EXPECT_EQ(burst.accesses, 250U);
  EXPECT_EQ(burst.sleep, 20ms);
  EXPECT_EQ(half.machine.processes[0].start, whole.machine.processes[0].start);
}

TEST(MachineFromScenarioTest, What_is_swapped_at_the_start_is_not_there_for_consumers) {
  const SimulatedRun run =
      run_of({.mechanism = "policy = \"system\"\nswapped_at_start = \"24MiB\""});
  EXPECT_EQ(run.machine.memory.swap.slots, whole_pages(mebibytes(40)));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nswapped_at_start = \"65MiB\""}),
              HasSubstr("swapped_at_start"));
}

TEST(MachineFromScenarioTest, Watermarks_are_Linuxs_or_shares_of_memory) {
  const Watermarks usual = run_of({}).machine.memory.watermarks;
  EXPECT_EQ(usual.min, linux_watermarks(whole_pages(mebibytes(16))).min);
  const Watermarks shares = run_of({.mechanism = "policy = \"system\"\nfree_min = 0.1\n"
                                                 "free_low = 0.2\nfree_high = 0.25"})
                                .machine.memory.watermarks;
  EXPECT_EQ(shares.low, Pages(819));
  EXPECT_EQ(shares.high, Pages(1024));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nfree_min = 0.5\nfree_low = 0.4"}),
              HasSubstr("free_min"));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nfree_high = 1"}), HasSubstr("free_high"));
}

TEST(MachineFromScenarioTest, Requests_have_a_cost_and_a_limit_where_the_system_says_so) {
  const MemoryShape usual = run_of({}).machine.memory;
  EXPECT_EQ(usual.costs.request, 0s);
  EXPECT_EQ(usual.writes_per_s, 0U);
  const MemoryShape said = run_of({.mechanism = "policy = \"system\"\nswap_request = \"30us\"\n"
                                                "writes_per_s = 40"})
                               .machine.memory;
  EXPECT_EQ(said.costs.request, 30us);
  EXPECT_EQ(said.writes_per_s, 40U);
}

TEST(MachineFromScenarioTest, Systems_say_who_reclaims_and_what_becomes_of_freed_pages) {
  const MemoryShape usual = run_of({}).machine.memory;
  EXPECT_EQ(usual.reclaimer, Reclaimer::who_misses);
  EXPECT_EQ(usual.freed, Freed::gone);
  const MemoryShape said = run_of({.mechanism = "policy = \"system\"\nreclaim = \"daemon\"\n"
                                                "freed = \"kept_above_min\"\nfree_wake = 0.025"})
                               .machine.memory;
  EXPECT_EQ(said.reclaimer, Reclaimer::daemon);
  EXPECT_EQ(said.freed, Freed::kept_above_min);
  EXPECT_EQ(said.wake_at, Pages(102));
  for (const char* marks : {"free_min = 0.1\nfree_low = 0.1\nfree_high = 0.2", "free_wake = 0.1"}) {
    const std::string mechanism =
        fmt::format("policy = \"system\"\nreclaim = \"daemon\"\n{}", marks);
    EXPECT_THAT(refusal({.mechanism = mechanism}), HasSubstr("reclaim"));
  }
}

TEST(MachineFromScenarioTest, Working_sets_have_bounds_that_scale_with_memory) {
  EXPECT_FALSE(run_of({}).machine.memory.working_sets.has_value());
  EXPECT_FALSE(run_of({.mechanism = "policy = \"system\"\nscope = \"local\""})
                   .machine.memory.working_sets.has_value());
  const MemoryShape half = run_of({.mechanism = "policy = \"system\"\nscope = \"working_sets\"\n"
                                                "working_set_least = 40",
                                   .study = "scale = 0.5"})
                               .machine.memory;
  EXPECT_TRUE(half.local);
  ASSERT_TRUE(half.working_sets.has_value());
  EXPECT_EQ(half.working_sets->least, Pages(20));
  EXPECT_EQ(half.working_sets->most, Pages(173));
}

TEST(MachineFromScenarioTest, Devices_are_as_the_hardware_says) {
  const auto kind = [](std::string_view swap) {
    const std::string hardware = fmt::format(
        "memory = \"16MiB\"\nswap_size = \"64MiB\"\nswap = \"{}\"\ncompress = \"7us\"\n"
        "disk_write_cache = false\nremote_fails_at = \"3s\"",
        swap);
    return run_of({.hardware = hardware}).machine.memory.swap.kind;
  };
  EXPECT_FALSE(std::get<HardDiskShape>(kind("disk")).write_cache);
  EXPECT_EQ(std::get<FlashShape>(kind("nvme")).channels, kNvmeFlash.channels);
  EXPECT_EQ(std::get<FlashShape>(kind("sata_flash")).channels, kSataFlash.channels);
  EXPECT_EQ(std::get<CompressedShape>(kind("zram")).compress, 7us);
  EXPECT_FALSE(std::get<CompressedShape>(kind("zram")).backing.has_value());
  const auto zswap = std::get<CompressedShape>(kind("zswap"));
  EXPECT_TRUE(zswap.backing.has_value());
  EXPECT_EQ(zswap.most_pool, Pages(819));
  EXPECT_EQ(std::get<RemoteShape>(kind("remote")).fails_at, 3s);
}

TEST(MachineFromScenarioTest, Flash_is_what_its_keys_say) {
  const auto told = [](std::string_view keys) {
    const std::string hardware = fmt::format("memory = \"16MiB\"\nswap = \"flash\"\n{}", keys);
    return std::get<FlashShape>(run_of({.hardware = hardware}).machine.memory.swap.kind);
  };
  const FlashShape here = told(
      "flash_channels = 4\nflash_read_latency = \"61us\"\nflash_write_latency = \"72us\"\n"
      "flash_read_rate = \"1500000000B\"\nflash_write_rate = \"900000000B\"");
  EXPECT_EQ(here.channels, 4U);
  EXPECT_EQ(here.read_latency, 61us);
  EXPECT_EQ(here.write_latency, 72us);
  EXPECT_EQ(here.read_bytes_per_second, 1.5e9);
  EXPECT_EQ(here.write_bytes_per_second, 0.9e9);
  const FlashShape unsaid = told("");
  EXPECT_EQ(unsaid.channels, kSataFlash.channels);
  EXPECT_EQ(unsaid.read_latency, kSataFlash.read_latency);
  EXPECT_EQ(unsaid.write_latency, kSataFlash.write_latency);
  EXPECT_EQ(unsaid.read_bytes_per_second, kSataFlash.read_bytes_per_second);
  EXPECT_EQ(unsaid.write_bytes_per_second, kSataFlash.write_bytes_per_second);
}

TEST(MachineFromScenarioTest, Flash_keys_do_not_change_the_presets) {
  for (const char* preset : {"sata_flash", "nvme"}) {
    const std::string hardware =
        fmt::format("memory = \"16MiB\"\nswap = \"{}\"\nflash_read_rate = \"1B\"", preset);
    const SimulatedRun run = run_of({.hardware = hardware});
    EXPECT_GE(std::get<FlashShape>(run.machine.memory.swap.kind).read_bytes_per_second, 500e6);
  }
}

TEST(MachineFromScenarioTest, Flash_without_a_rate_or_channels_is_refused) {
  for (const char* key : {"flash_read_rate", "flash_write_rate"}) {
    const std::string hardware =
        fmt::format("memory = \"16MiB\"\nswap = \"flash\"\n{} = \"0B\"", key);
    EXPECT_THAT(refusal({.hardware = hardware}), HasSubstr(key));
  }
  const auto file = test::parse_scenario(
      "area = \"thrash\"\n[hardware]\nswap = \"flash\"\nflash_channels = 0\n"
      "[mechanism]\npolicy = \"system\"\n[loads.one]\nkind = \"uniform\"\n"
      "[[guests]]\nload = \"one\"\n");
  ASSERT_FALSE(file);
  EXPECT_THAT(error_line(file.error()), HasSubstr("flash_channels"));
}

TEST(MachineFromScenarioTest, A_disk_without_a_seek_curve_is_refused) {
  EXPECT_THAT(refusal({.hardware = "memory = \"16MiB\"\ndisk_seek = \"20ms\""}),
              HasSubstr("disk_seek"));
  EXPECT_THAT(refusal({.hardware = "memory = \"16MiB\"\ndisk_inner_rate = \"0B\""}),
              HasSubstr("disk_inner_rate"));
}

TEST(MachineFromScenarioTest, Errors_name_the_key_and_what_is_near) {
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nreplacement = \"clok\""}),
              AllOf(HasSubstr("mechanism.replacement"), HasSubstr("'clock'")));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nreplacement = \"opt\""}),
              HasSubstr("future"));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nreplacement = \"wsclock\""}),
              HasSubstr("tau"));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\ncontrol = \"nome\""}),
              AllOf(HasSubstr("mechanism.control"), HasSubstr("'none'")));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nslice = \"0s\""}), HasSubstr("slice"));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nown_memory = \"1GiB\""}),
              HasSubstr("own_memory"));
  EXPECT_THAT(refusal({.mechanism = "policy = \"system\"\nreclaim = \"group\"\n"
                                    "group_overhead = \"16MiB\""}),
              AllOf(HasSubstr("mechanism"), HasSubstr("group_overhead")));
  EXPECT_THAT(refusal({.schedule = "sample_interval = \"0s\""}), HasSubstr("sample_interval"));
  EXPECT_THAT(refusal({.guests = "start_interval = \"0s\""}), HasSubstr("run_for"));
  EXPECT_THAT(refusal({.load = "kind = \"uniform\"\nmemory = \"1KiB\""}), HasSubstr("loads.one"));
  EXPECT_THAT(refusal({.load = "kind = \"phases\"\nworking_set = \"200MiB\""}),
              HasSubstr("working_set"));
  EXPECT_THAT(refusal({.load = "kind = \"program\"\ncommand = \"true\""}),
              AllOf(HasSubstr("loads.one"), HasSubstr("--live")));
}

TEST(MachineFromScenarioTest, Policies_that_look_at_each_access_are_told_of_each) {
  const auto every_hit = [](std::string_view policy) {
    const std::string mechanism = fmt::format("policy = \"system\"\nreplacement = \"{}\"", policy);
    return run_of({.mechanism = mechanism}).machine.memory.replacement.every_hit;
  };
  for (const char* exact : {"lru", "lru-k(k=2)", "arc", "s3-fifo", "working-set(tau=1000)"})
    EXPECT_TRUE(every_hit(exact)) << exact;
  for (const char* by_bits : {"clock", "fifo", "linux-two-list", "mglru", "wsclock(tau=1000)"})
    EXPECT_FALSE(every_hit(by_bits)) << by_bits;
}

TEST(MachineFromScenarioTest, Loads_become_patterns) {
  const auto pattern = [](std::string_view load) {
    return run_of({.load = load}).machine.processes[0].pattern;
  };
  EXPECT_TRUE(std::holds_alternative<SequentialBursts>(pattern("kind = \"sequential\"")));
  EXPECT_EQ(std::get<ZipfBursts>(pattern("kind = \"zipf\"\nexponent = 0.7")).exponent, 0.7);
  EXPECT_EQ(std::get<PhasedBursts>(pattern("kind = \"phases\"\nphase = \"3s\"")).phase, 3s);
  EXPECT_FALSE(burst_of(pattern("kind = \"uniform\"")).fill);
  EXPECT_TRUE(burst_of(pattern("kind = \"uniform\"\nfill = \"incompressible\"")).fill);
}

}  // namespace
}  // namespace brim::thrash::model
