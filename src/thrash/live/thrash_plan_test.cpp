// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/thrash_plan.h"

#include "thrash/model/thrash_area.h"

#include <array>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using namespace std::chrono_literals;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kThrashStudy = R"(
area = "thrash"
[schedule]
duration = "100s"
sample_interval = "1s"
[hardware]
memory = "200MiB"
swap = "disk"
swap_size = "1GiB"
[mechanism]
policy = "system"
own_memory = "50MiB"
[loads.writer]
kind = "uniform"
memory = "40MiB"
accesses = 2000
pause = "10ms"
fill = "half_compressible"
[loads.other]
kind = "phases"
memory = "20MiB"
working_set = "4MiB"
phase = "3s"
[[guests]]
count = 3
load = "writer"
settle = "10s"
start_interval = "5s"
[[guests]]
count = 1
load = "other"
settle = "0s"
start_interval = "0s"
run_for = "30s"
interactive = true
)";

Result<ThrashPlan> plan_of(const std::vector<std::string>& sets, std::string_view more = {}) {
  const std::array<const study::Area*, 1> areas{&model::thrash_area()};
  std::vector<study::Override> overrides;
  overrides.reserve(sets.size());
  for (const std::string& set : sets) overrides.push_back(*study::parse_override(set));
  const auto file = study::ScenarioFile::parse(fmt::format("{}{}", kThrashStudy, more),
                                               "study.toml", study::Catalogue(), areas, overrides);
  EXPECT_TRUE(file) << error_line(file.error());
  return plan_thrash(file->base());
}

TEST(ThrashPlan, Consumers_get_what_the_scenario_says) {
  const auto plan = plan_of({});
  ASSERT_TRUE(plan) << error_line(plan.error());
  ASSERT_EQ(plan->consumers.size(), 4U);
  EXPECT_EQ(plan->consumers[0].start, 15s);
  EXPECT_EQ(plan->consumers[2].start, 25s);
  EXPECT_EQ(plan->consumers[2].end, 25s + 20s) << "tp = N tc + tc";
  const lab::ConsumerLoad& load = plan->consumers[1].load;
  EXPECT_EQ(load.memory, mebibytes(40));
  EXPECT_EQ(load.accesses, 2000U);
  EXPECT_EQ(load.pause, 10ms);
  EXPECT_EQ(load.order, lab::AccessOrder::uniform);
  EXPECT_EQ(load.fill, lab::ConsumerFill::half_compressible);
  EXPECT_EQ(plan->consumers[3].load.order, lab::AccessOrder::phases);
  EXPECT_EQ(plan->consumers[3].load.working_set, mebibytes(4));
  EXPECT_TRUE(plan->consumers[3].interactive);
  EXPECT_EQ(plan->limit, mebibytes(150));
  EXPECT_EQ(plan->swap.kind, SwapKind::file);
  EXPECT_FALSE(plan->whole_machine);
}

TEST(ThrashPlan, Scale_shrinks_memory_and_bursts_and_speed_the_schedule) {
  const auto plan = plan_of({"study.scale=0.5", "live.speed=5"});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_EQ(plan->limit, mebibytes(75));
  EXPECT_EQ(plan->swap.size, mebibytes(512));
  EXPECT_EQ(plan->consumers[0].load.memory, mebibytes(20));
  EXPECT_EQ(plan->consumers[0].load.accesses, 1000U);
  EXPECT_EQ(plan->consumers[0].load.pause, 10ms) << "bursts stay as they are";
  EXPECT_EQ(plan->consumers[0].start, 3s);
  EXPECT_EQ(plan->consumers[0].end, 7s);
  EXPECT_EQ(plan->duration, 20s);
  EXPECT_EQ(plan->sample_interval, 1s);
  EXPECT_THAT(plan->notes, Contains(HasSubstr("5 times faster")));
}

TEST(ThrashPlan, Demand_is_what_runs_at_once) {
  const auto plan = plan_of({});
  ASSERT_TRUE(plan);
  // At 25 s all three of 40 MiB, and the one of 20, which is there until 30 s.
  EXPECT_EQ(plan->most_demand(), mebibytes(140));
  EXPECT_EQ(plan_of({"guests.1.run_for=20s"})->most_demand(), mebibytes(120));
}

TEST(ThrashPlan, Disk_and_flash_of_any_kind_are_a_swap_file) {
  for (const char* swap : {"disk", "flash", "nvme", "sata_flash"}) {
    const auto plan = plan_of({fmt::format("hardware.swap={}", swap)});
    ASSERT_TRUE(plan) << error_line(plan.error());
    EXPECT_EQ(plan->swap.kind, SwapKind::file) << swap;
    EXPECT_THAT(plan->notes, Contains(HasSubstr(fmt::format("'{}' is a swap file", swap))));
  }
}

TEST(ThrashPlan, What_stands_for_what_is_said) {
  EXPECT_THAT(plan_of({})->notes, Contains(HasSubstr("a swap file of 1.0 GiB in /var/tmp")));
  EXPECT_THAT(plan_of({"hardware.swap=zram"})->notes, Contains(HasSubstr("zram")));
  const auto machine = plan_of({"live.where=machine"});
  EXPECT_THAT(machine->notes, Contains(HasSubstr("WARNING: the whole machine")));
  EXPECT_TRUE(machine->whole_machine);
}

TEST(ThrashPlan, A_slow_disk_is_as_slow_at_any_scale_and_speed_and_said) {
  EXPECT_FALSE(plan_of({})->swap.slow.wanted());
  for (const char* const swap : {"hardware.swap=nvme", "hardware.swap=zswap"}) {
    const auto plan = plan_of({swap, "live.swap_reads_per_s=79", "live.swap_writes_per_s=80",
                               "live.swap_rate=50000000B", "study.scale=0.5", "live.speed=5"});
    ASSERT_TRUE(plan) << error_line(plan.error());
    EXPECT_EQ(plan->swap.slow.reads_per_s, 79U);
    EXPECT_EQ(plan->swap.slow.writes_per_s, 80U);
    EXPECT_EQ(plan->swap.slow.rate_per_s, Bytes(50'000'000));
    EXPECT_THAT(plan->notes,
                Contains(HasSubstr("slowed to 79 reads, 80 writes, 47.7 MiB each way a second")));
  }
  const auto rate = plan_of({"live.swap_rate=1MiB"});
  EXPECT_THAT(rate->notes, Contains(HasSubstr("slowed to 1.0 MiB each way a second")));
  EXPECT_THAT(plan_of({})->notes, Not(Contains(HasSubstr("slowed"))));
}

TEST(ThrashPlan, A_disk_is_slowed_where_there_are_a_disk_and_a_group) {
  for (const std::string key : {"swap_reads_per_s", "swap_writes_per_s", "swap_rate"}) {
    const std::string set = "live." + key + (key == "swap_rate" ? "=1MiB" : "=79");
    const auto zram = plan_of({set, "hardware.swap=zram"});
    ASSERT_FALSE(zram) << key;
    EXPECT_THAT(error_line(zram.error()), HasSubstr("live." + key + ": zram has no disk"));
    const auto machine = plan_of({set, "live.where=machine"});
    ASSERT_FALSE(machine) << key;
    EXPECT_EQ(machine.error().code, ErrorCode::bad_input);
    EXPECT_THAT(error_line(machine.error()), HasSubstr("live." + key + ": a disk is slowed for"));
  }
}

constexpr std::string_view kCompileLoad = R"(
[loads.compile]
kind = "program"
command = "make -C {folder}"
memory = "30MiB"
unit = "files"
prepare = "tar xf /usr/src/{number}.tar"
prepare_within = "5s"
)";

TEST(ThrashPlan, A_program_has_its_commands_and_the_memory_that_is_said) {
  const auto plan = plan_of({"guests.0.load=compile"}, kCompileLoad);
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_TRUE(plan->has_programs());
  ASSERT_EQ(plan->consumers.size(), 4U);
  const ConsumerPlan& one = plan->consumers[1];
  EXPECT_EQ(one.load.memory, mebibytes(30));
  ASSERT_TRUE(one.program);
  EXPECT_EQ(one.program->command, "make -C {folder}");
  EXPECT_EQ(one.program->prepare, "tar xf /usr/src/{number}.tar");
  EXPECT_EQ(one.start, 20s);
  EXPECT_EQ(one.end, 40s);
  EXPECT_FALSE(plan->consumers[3].program) << "of another load";
  EXPECT_EQ(plan->prepare_time(), 15s) << "one after the other";
  EXPECT_EQ(plan->program_folder, "/var/tmp");
  EXPECT_EQ(plan->most_demand(), mebibytes(30 + 30 + 30 + 20));
}

TEST(ThrashPlan, A_program_s_unit_is_said_and_what_no_guest_has_is_not) {
  const auto plan = plan_of({"guests.0.load=compile"}, kCompileLoad);
  ASSERT_TRUE(plan);
  EXPECT_THAT(plan->notes, Contains(HasSubstr("Consumers of loads.compile (3) are programs")));
  EXPECT_THAT(plan->notes, Contains(HasSubstr("accesses is files for them")));
  EXPECT_THAT(plan->notes, Contains(HasSubstr("Consumers (1 of 20.0 MiB)")));
  const auto without = plan_of({}, kCompileLoad);
  EXPECT_THAT(without->notes, Not(Contains(HasSubstr("are programs"))));
  EXPECT_FALSE(without->has_programs());
  EXPECT_EQ(without->prepare_time(), 0s);
}

TEST(ThrashPlan, A_program_cannot_be_scaled_or_prepared_in_no_time) {
  const auto what = [](const std::string& set) {
    const auto plan = plan_of({"guests.0.load=compile", set}, kCompileLoad);
    EXPECT_FALSE(plan) << set;
    return plan ? "" : error_line(plan.error());
  };
  EXPECT_THAT(what("study.scale=0.5"), HasSubstr("study.scale: loads.compile is a program"));
  EXPECT_THAT(what("loads.compile.prepare_within=0s"), HasSubstr("loads.compile: prepare_within"));
  EXPECT_THAT(what("loads.compile.memory=0B"), HasSubstr("loads.compile: memory"));
  EXPECT_THAT(what("live.program_folder=here"), HasSubstr("live.program_folder: expected an abs"));
}

TEST(ThrashPlan, Local_replacement_is_said_and_needs_a_group_room_for_shares_and_no_programs) {
  const std::string local = "mechanism.scope=local";
  EXPECT_FALSE(plan_of({})->local);
  EXPECT_THAT(plan_of({})->notes, Not(Contains(HasSubstr("Replacement is local"))));
  const auto plan = plan_of({local});
  ASSERT_TRUE(plan) << error_line(plan.error());
  EXPECT_TRUE(plan->local);
  EXPECT_THAT(plan->notes, Contains(HasSubstr("Replacement is local")));

  const auto machine = plan_of({local, "live.where=machine"});
  ASSERT_FALSE(machine);
  EXPECT_EQ(machine.error().code, ErrorCode::bad_input);
  EXPECT_THAT(error_line(machine.error()), HasSubstr("mechanism.scope: shares of memory are of a"));
  const auto programs = plan_of({local, "guests.0.load=compile"}, kCompileLoad);
  ASSERT_FALSE(programs);
  EXPECT_THAT(error_line(programs.error()), HasSubstr("mechanism.scope: programs are several"));
  // 4 MiB, six processes of 512 KiB and probes of 4 MiB; and four shares of 1 MiB.
  EXPECT_TRUE(plan_of({"hardware.memory=61MiB"}));
  EXPECT_FALSE(plan_of({"hardware.memory=61MiB", local}));
  EXPECT_TRUE(plan_of({"hardware.memory=65MiB", local}));
}

TEST(ThrashPlan, What_cannot_be_here_is_an_error_that_says_so) {
  const auto what = [](const std::string& set) {
    const auto plan = plan_of({set});
    EXPECT_FALSE(plan) << set;
    return plan ? "" : error_line(plan.error());
  };
  EXPECT_THAT(what("hardware.swap=remote"), HasSubstr("for the model"));
  EXPECT_THAT(what("mechanism.own_memory=200MiB"), HasSubstr("own_memory"));
  EXPECT_THAT(what("hardware.memory=58MiB"), HasSubstr("processes and probes need"));
  EXPECT_THAT(what("live.swap_folder=here"), HasSubstr("absolute path"));
  EXPECT_THAT(what("schedule.sample_interval=10ms"), HasSubstr("sample_interval"));
}

}  // namespace
}  // namespace brim::thrash::live
