// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/machine_from_scenario.h"

#include "base/text.h"
#include "thrash/model/out_of_memory.h"
#include "thrash/model/replacement_table.h"
#include "thrash/model/swap_from_scenario.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using std::chrono::nanoseconds;
using study::Settings;

template <class T>
struct Named {
  std::string_view name;
  T value;
};

// The choices of a parameter are the names of its table.
template <class T, std::size_t size>
const T& named(const std::array<Named<T>, size>& table, const Settings& settings,
               std::string_view key) {
  const auto& name = settings.get<std::string>(key);
  const auto at = std::ranges::find_if(table, [&](const auto& one) { return one.name == name; });
  BRIM_ASSERT(at != table.end());
  return at->value;
}

constexpr std::array kReadAhead = std::to_array<Named<ReadAhead>>({
    {"adjacent", ReadAhead::adjacent},
    {"none", ReadAhead::none},
    {"pages", ReadAhead::pages},
    {"pages_by_hits", ReadAhead::pages_by_hits},
    {"slots", ReadAhead::slots},
    {"slots_by_hits", ReadAhead::slots_by_hits},
});
constexpr std::array kNextCluster = std::to_array<Named<NextCluster>>({
    {"free", NextCluster::free},
    {"used", NextCluster::used},
});
constexpr std::string_view kGroup = "group";
constexpr std::array kReclaimers = std::to_array<Named<Reclaimer>>({
    {"daemon", Reclaimer::daemon},
    {"direct", Reclaimer::who_misses},
    {kGroup, Reclaimer::who_misses},
});
constexpr std::array kFreed = std::to_array<Named<Freed>>({
    {"gone", Freed::gone},
    {"kept", Freed::kept},
    {"kept_above_min", Freed::kept_above_min},
});
constexpr std::array kPasses = std::to_array<Named<Passes>>({
    {"freebsd-7", Passes::freebsd_daemon},
    {"linux-2.6.22", Passes::linux_priorities},
    {"none", Passes::none},
});
constexpr std::array kCounters = std::to_array<Named<SystemCounter>>({
    {"block_kib", SystemCounter::block_kib},
    {"page_requests", SystemCounter::page_requests},
    {"swap_pages", SystemCounter::swap_pages},
    {"whole_processes", SystemCounter::whole_processes},
});

tl::unexpected<Error> bad(std::string what, std::string where) {
  return fail(ErrorCode::bad_input, std::move(what), std::move(where));
}

Result<void> check_longer_than_nothing(const Settings& settings, std::string_view key,
                                       const std::string& where) {
  if (settings.get<nanoseconds>(key) > nanoseconds(0)) return {};
  return bad(fmt::format("{} is 0: it must be longer", key), where);
}

Pages scaled(Bytes bytes, double scale) {
  return whole_pages(
      Bytes(static_cast<std::uint64_t>(std::llround(static_cast<double>(bytes.count()) * scale))));
}

// A cgroup with a limit: who needs a page reclaims, and nobody else.
bool is_group(const Settings& system) { return system.get<std::string>("reclaim") == kGroup; }

// Where the scenario says no share, as Linux has it for all of the machine's memory.
Result<Watermarks> watermarks(const study::Scenario& scenario, Pages frames, double scale) {
  const Pages memory = whole_pages(scenario.hardware.get<Bytes>("memory"));
  const Settings& system = scenario.mechanism.settings;
  if (is_group(system)) return Watermarks{};
  const Watermarks usual = linux_watermarks(memory);
  const auto mark = [&](std::string_view key, Pages fallback) {
    const auto share = system.get<double>(key);
    const double pages = share > 0 ? share * static_cast<double>(memory.count())
                                   : static_cast<double>(fallback.count());
    return Pages(static_cast<std::uint64_t>(std::llround(pages * scale)));
  };
  const Watermarks marks{.min = mark("free_min", usual.min),
                         .low = mark("free_low", usual.low),
                         .high = mark("free_high", usual.high)};
  const auto kib = [](Pages pages) { return pages.count() * kPageSize / 1024; };
  if (marks.min > marks.low || marks.low > marks.high)
    return bad(
        fmt::format("free_min, free_low, free_high: {}, {} and {} KiB do not ascend (0 is as "
                    "Linux reckons it)",
                    kib(marks.min), kib(marks.low), kib(marks.high)),
        "mechanism");
  if (marks.high >= frames)
    return bad(fmt::format("free_high: {} KiB of the {} KiB that consumers can have",
                           kib(marks.high), kib(frames)),
               "mechanism");
  return marks;
}

// Who waits for the daemon relies on it: it must be at work below `min` and below where they go on.
Result<void> who_reclaims(MemoryShape& shape, const study::Scenario& scenario, double scale) {
  const Settings& system = scenario.mechanism.settings;
  shape.reclaimer = named(kReclaimers, system, "reclaim");
  shape.freed = named(kFreed, system, "freed");
  shape.wake_at = Pages(static_cast<std::uint64_t>(std::llround(
      system.get<double>("free_wake") *
      static_cast<double>(whole_pages(scenario.hardware.get<Bytes>("memory")).count()) * scale)));
  if (shape.reclaimer == Reclaimer::who_misses) return {};
  const Watermarks& marks = shape.watermarks;
  if (marks.min < marks.low && shape.wake_at <= marks.low) return {};
  return bad(
      "reclaim: who waits for the daemon would wait for ever: expected free_min below "
      "free_low, and free_wake not above it",
      "mechanism");
}

MemoryCosts costs(const Settings& system) {
  return {.minor_fault = system.get<nanoseconds>("minor_fault"),
          .major_fault = std::max(system.get<nanoseconds>("minor_fault"),
                                  system.get<nanoseconds>("major_fault")),
          .scan = system.get<nanoseconds>("scan_page"),
          .swap_page = system.get<nanoseconds>("swap_page"),
          .request = system.get<nanoseconds>("swap_request")};
}

std::uint32_t count_of(const Settings& settings, std::string_view key) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(settings.get<std::uint64_t>(key), UINT32_MAX));
}

Pages scaled_count(const Settings& settings, std::string_view key, double scale) {
  const auto pages = static_cast<double>(settings.get<std::uint64_t>(key));
  return Pages(static_cast<std::uint64_t>(std::max(1LL, std::llround(pages * scale))));
}

// Those of a system whose policy is not its own are none.
Passes passes(const Settings& system, const ChosenPolicy& policy) {
  const Passes wanted = named(kPasses, system, "passes");
  const bool global = system.get<std::string>("scope") == "global";
  const std::string_view name = policy.policy->family.name;
  const bool daemon = system.get<std::string>("reclaim") == "daemon";
  if (wanted == Passes::linux_priorities && global && !daemon && name == "linux-two-list" &&
      policy.settings.get<std::string>("start") == "active")
    return wanted;
  const bool freebsd = wanted == Passes::freebsd_daemon && global && daemon && name == "lau";
  return freebsd ? wanted : Passes::none;
}

Result<Pages> group_overhead(const Settings& system, Bytes memory, double scale) {
  if (!is_group(system)) return Pages(0);
  const auto overhead = system.get<Bytes>("group_overhead");
  const Pages pages = scaled(overhead, scale);
  if (pages < whole_pages(memory)) return pages;
  return bad(fmt::format("group_overhead: {} leaves nothing of the group's {}",
                         human_bytes(overhead), human_bytes(memory)),
             "mechanism");
}

Result<MemoryShape> memory_shape(const study::Scenario& scenario, double scale) {
  const Settings& system = scenario.mechanism.settings;
  MemoryShape shape;
  BRIM_TRY(shape.swap, swap_from_scenario(scenario, scale));
  BRIM_TRY(const Bytes bytes, memory_for_consumers(scenario));
  BRIM_TRY(const Pages overhead, group_overhead(system, bytes, scale));
  shape.frames = whole_pages(bytes) - overhead;
  BRIM_TRY(shape.watermarks, watermarks(scenario, shape.frames, scale));
  BRIM_CHECK(who_reclaims(shape, scenario, scale));
  BRIM_TRY(ChosenPolicy policy,
           choose_policy(system.get<std::string>("replacement"), "mechanism.replacement"));
  shape.passes = passes(system, policy);
  shape.memory = scaled(scenario.hardware.get<Bytes>("memory"), scale);
  BRIM_TRY(shape.replacement, pool_policy(std::move(policy), "mechanism.replacement"));
  shape.local = system.get<std::string>("scope") != "global";
  if (system.get<std::string>("scope") == "working_sets")
    shape.working_sets = WorkingSetShape{.least = scaled_count(system, "working_set_least", scale),
                                         .most = scaled_count(system, "working_set_most", scale)};
  shape.batch = count_of(system, "batch");
  shape.longest_request = count_of(system, "write_cluster");
  shape.most_writes = count_of(system, "most_writes");
  shape.modified_most = count_of(system, "modified_most");
  shape.writes_per_s = count_of(system, "writes_per_s");
  shape.read_ahead = named(kReadAhead, system, "read_ahead");
  shape.read_ahead_pages = count_of(system, "read_ahead_pages");
  shape.next_cluster = named(kNextCluster, system, "next_cluster");
  shape.costs = costs(system);
  return shape;
}

Result<BurstShape> burst_shape(const study::Load& load, double scale) {
  const Settings& settings = load.settings;
  const std::string where = fmt::format("loads.{}", load.name);
  const Pages pages = scaled(settings.get<Bytes>("memory"), scale);
  if (pages == Pages(0))
    return bad(fmt::format("memory: {}, at study.scale less than a page",
                           human_bytes(settings.get<Bytes>("memory"))),
               where);
  constexpr std::uint64_t kMostPages = std::numeric_limits<std::int32_t>::max();
  if (pages.count() > kMostPages)
    return bad(fmt::format("memory: more than {} pages", kMostPages), where);
  const double accesses = static_cast<double>(settings.get<std::uint64_t>("accesses")) * scale;
  return BurstShape{.pages = static_cast<std::uint32_t>(pages.count()),
                    .accesses = std::max<std::uint64_t>(1, std::llround(accesses)),
                    .sleep = settings.get<nanoseconds>("pause"),
                    .write_share = settings.get<double>("write_share"),
                    .fill = settings.get<std::string>("fill") != "none"};
}

Result<PatternShape> phased(const study::Load& load, const BurstShape& burst, double scale) {
  const std::string where = fmt::format("loads.{}", load.name);
  BRIM_CHECK(check_longer_than_nothing(load.settings, "phase", where));
  const Pages working_set = scaled(load.settings.get<Bytes>("working_set"), scale);
  if (working_set == Pages(0) || working_set.count() > burst.pages)
    return bad(fmt::format("working_set: {} of the {} of its memory",
                           human_bytes(load.settings.get<Bytes>("working_set")),
                           human_bytes(load.settings.get<Bytes>("memory"))),
               where);
  return PhasedBursts{burst, static_cast<std::uint32_t>(working_set.count()),
                      load.settings.get<nanoseconds>("phase")};
}

Result<PatternShape> pattern(const study::Load& load, double scale) {
  if (load.family == "program")
    return bad("a program runs on this machine alone: expected --live",
               fmt::format("loads.{}", load.name));
  BRIM_TRY(const BurstShape burst, burst_shape(load, scale));
  if (load.family == "phases") return phased(load, burst, scale);
  if (load.family == "sequential") return SequentialBursts{burst};
  if (load.family == "zipf") return ZipfBursts{burst, load.settings.get<double>("exponent")};
  BRIM_ASSERT(load.family == "uniform");
  return UniformBursts{burst};
}

Result<std::vector<ProcessPlan>> processes(const std::vector<Consumer>& consumers, double scale) {
  constexpr std::uint64_t kMostPages = std::numeric_limits<std::int32_t>::max();
  std::vector<ProcessPlan> plans;
  std::uint64_t pages = 0;
  for (const Consumer& consumer : consumers) {
    BRIM_TRY(const PatternShape shape, pattern(*consumer.load, scale));
    plans.push_back({.start = consumer.start, .run_for = consumer.run_for, .pattern = shape});
    pages += burst_of(shape).pages;
  }
  if (pages > kMostPages)
    return bad(
        fmt::format("consumers of more than {} pages; study.scale makes them smaller", kMostPages),
        "guests");
  return plans;
}

}  // namespace

Result<SimulatedRun> machine_from_scenario(const study::Scenario& scenario) {
  const auto scale = scenario.study.get<double>("scale");
  const Settings& system = scenario.mechanism.settings;
  BRIM_CHECK(check_longer_than_nothing(scenario.hardware, "access", "hardware"));
  BRIM_CHECK(check_longer_than_nothing(system, "slice", "mechanism"));
  BRIM_CHECK(check_longer_than_nothing(scenario.schedule, "duration", "schedule"));
  BRIM_CHECK(check_longer_than_nothing(scenario.schedule, "sample_interval", "schedule"));
  SimulatedRun run;
  BRIM_TRY(run.consumers, plan_consumers(scenario));
  MachinePlan& machine = run.machine;
  BRIM_TRY(machine.memory, memory_shape(scenario, scale));
  BRIM_TRY(machine.processes, processes(run.consumers, scale));
  machine.processors = count_of(scenario.hardware, "processors");
  machine.access = scenario.hardware.get<nanoseconds>("access");
  const VictimPolicy* victim = find_victim_policy(system.get<std::string>("out_of_memory"));
  BRIM_ASSERT(victim != nullptr);
  machine.choose_victim = victim->choose;
  BRIM_TRY(const Bytes memory, memory_for_consumers(scenario));
  // As live: a control in user space knows of a group how large it is.
  if (is_group(system)) machine.told_watermarks = linux_watermarks(whole_pages(memory));
  machine.slice = system.get<nanoseconds>("slice");
  machine.paging_at_once = count_of(system, "paging_at_once");
  machine.sample_interval = scenario.schedule.get<nanoseconds>("sample_interval");
  BRIM_TRY(run.control, choose_control(system.get<std::string>("control"), "mechanism.control"));
  run.control_in_user_space = is_group(system);
  run.controlled.frames = whole_pages(memory);
  run.controlled.slots = machine.memory.swap.slots;
  run.controlled.processors = machine.processors;
  run.controlled.access = machine.access;
  for (const ProcessPlan& process : machine.processes)
    run.controlled.asked.emplace_back(burst_of(process.pattern).pages);
  for (const Consumer& consumer : run.consumers)
    run.controlled.interactive.push_back(consumer.interactive);
  run.counter = named(kCounters, system, "counter");
  run.duration = scenario.schedule.get<nanoseconds>("duration");
  return run;
}

}  // namespace brim::thrash::model
