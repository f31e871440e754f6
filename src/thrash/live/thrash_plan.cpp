// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/thrash_plan.h"

#include "base/text.h"
#include "thrash/live/program_loads.h"
#include "thrash/model/thrash_area.h"

#include <algorithm>
#include <cmath>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::thrash::live {
namespace {

using std::chrono::nanoseconds;
using study::Settings;

// What a process of the agent takes besides its load: page tables, stack, its own data. Measured at
// about 200 KiB; generous, for a limit that is too small shows late.
constexpr Bytes kProcessOverhead = kibibytes(512);
constexpr Bytes kLeastRoom = mebibytes(4);  // of a group, for what the kernel keeps
// Of a consumer, where replacement is local: page tables, and pages on their way in and out.
constexpr Bytes kLeastShare = mebibytes(1);
constexpr auto kLeastInterval = std::chrono::milliseconds(100);  // processor time is in ticks

Bytes scaled(Bytes bytes, double scale) {
  const double pages = static_cast<double>(bytes.count()) / kPageSize * scale;
  return bytes_of(
      Pages(std::max<std::uint64_t>(1, static_cast<std::uint64_t>(std::llround(pages)))));
}

nanoseconds shortened(nanoseconds time, double speed) {
  return nanoseconds(std::llround(static_cast<double>(time.count()) / speed));
}

lab::AccessOrder order_of(std::string_view family) {
  if (family == "sequential") return lab::AccessOrder::sequential;
  if (family == "zipf") return lab::AccessOrder::zipf;
  if (family == "phases") return lab::AccessOrder::phases;
  BRIM_ASSERT(family == "uniform");
  return lab::AccessOrder::uniform;
}

lab::ConsumerFill fill_of(const std::string& name) {
  if (name == "half_compressible") return lab::ConsumerFill::half_compressible;
  return name == "incompressible" ? lab::ConsumerFill::incompressible : lab::ConsumerFill::none;
}

lab::ConsumerLoad consumer_load(const study::Load& load, double scale) {
  const Settings& settings = load.settings;
  lab::ConsumerLoad made;
  made.memory = scaled(settings.get<Bytes>("memory"), scale);
  const auto accesses = settings.get<std::uint64_t>("accesses");
  made.accesses = std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::llround(static_cast<double>(accesses) * scale)));
  made.pause = settings.get<nanoseconds>("pause");
  made.order = order_of(load.family);
  made.write_share = settings.get<double>("write_share");
  made.fill = fill_of(settings.get<std::string>("fill"));
  if (settings.has("exponent")) made.exponent = settings.get<double>("exponent");
  if (settings.has("working_set")) {
    made.working_set = scaled(settings.get<Bytes>("working_set"), scale);
    made.phase = settings.get<nanoseconds>("phase");
  }
  return made;
}

Result<ConsumerPlan> plan_consumer(const model::Consumer& consumer, double scale) {
  ConsumerPlan plan;
  plan.interactive = consumer.interactive;
  if (!is_program(*consumer.load)) {
    plan.load = consumer_load(*consumer.load, scale);
    return plan;
  }
  if (scale != 1)
    return fail(ErrorCode::bad_input,
                fmt::format("loads.{} is a program, and as large as it is: expected 1",
                            consumer.load->name),
                "study.scale");
  plan.load.memory = consumer.load->settings.get<Bytes>("memory");
  BRIM_TRY(plan.program, program_of_load(*consumer.load));
  return plan;
}

Result<void> plan_all_consumers(const study::Scenario& scenario, ThrashPlan& plan) {
  BRIM_TRY(const std::vector<model::Consumer> consumers, model::plan_consumers(scenario));
  for (const model::Consumer& one : consumers) {
    BRIM_TRY(ConsumerPlan consumer, plan_consumer(one, scenario.study.get<double>("scale")));
    consumer.start = shortened(one.start, plan.speed);
    consumer.end = shortened(one.start + one.run_for, plan.speed);
    plan.consumers.push_back(std::move(consumer));
  }
  return {};
}

Result<void> plan_program_folder(const Settings& live, ThrashPlan& plan) {
  plan.program_folder = live.get<std::string>("program_folder");
  if (plan.program_folder.starts_with('/')) return {};
  return fail(ErrorCode::bad_input, "expected an absolute path", "live.program_folder");
}

// Where it is local (mechanism.scope). A program is several processes, and a part of a group is for
// one (host/group_parts.h).
Result<void> plan_replacement(const Settings& system, ThrashPlan& plan) {
  plan.local = system.get<std::string>("scope") == "local";
  if (!plan.local) return {};
  const char* const key = "mechanism.scope";
  if (plan.whole_machine)
    return fail(ErrorCode::bad_input,
                "shares of memory are of a group: expected live.where = \"group\", or \"global\" "
                "here",
                key);
  if (plan.has_programs())
    return fail(ErrorCode::bad_input,
                "programs are several processes, which can't have a share of memory together: "
                "expected \"global\"",
                key);
  return {};
}

Result<void> plan_swap(const study::Scenario& scenario, SwapPlan& swap) {
  const Settings& hardware = scenario.hardware;
  const auto& kind = hardware.get<std::string>("swap");
  if (kind == "remote")
    return fail(ErrorCode::bad_input,
                "another machine's memory is for the model: here there are disk, zram and zswap",
                "hardware.swap");
  swap.kind = kind == "zram" ? SwapKind::zram : kind == "zswap" ? SwapKind::zswap : SwapKind::file;
  const auto scale = scenario.study.get<double>("scale");
  swap.size = scaled(hardware.get<Bytes>("swap_size"), scale);
  swap.folder = scenario.live.get<std::string>("swap_folder");
  if (swap.folder.empty() || swap.folder.front() != '/' ||
      swap.folder.find(',') != std::string::npos)
    return fail(ErrorCode::bad_input, "expected an absolute path, without a comma",
                "live.swap_folder");
  swap.zswap_share_of = hardware.get<double>("zswap_pool") * scale *
                        static_cast<double>(hardware.get<Bytes>("memory").count());
  return {};
}

// `whole_machine`: who writes there is kswapd, for all, in no group that could have a limit.
Result<void> plan_slow_disk(const Settings& live, bool whole_machine, SwapPlan& swap) {
  swap.slow = {live.get<std::uint64_t>("swap_reads_per_s"),
               live.get<std::uint64_t>("swap_writes_per_s"), live.get<Bytes>("swap_rate")};
  if (!swap.slow.wanted()) return {};
  const char* const key = swap.slow.reads_per_s != 0    ? "live.swap_reads_per_s"
                          : swap.slow.writes_per_s != 0 ? "live.swap_writes_per_s"
                                                        : "live.swap_rate";
  if (whole_machine)
    return fail(ErrorCode::bad_input,
                "a disk is slowed for a group of its own: expected live.where = \"group\"", key);
  if (swap.kind == SwapKind::zram)
    return fail(ErrorCode::bad_input,
                "zram has no disk to be slowed: expected hardware.swap = \"disk\" or \"zswap\"",
                key);
  return {};
}

Result<void> check_room(const ThrashPlan& plan) {
  if (plan.whole_machine) return {};
  const std::uint64_t consumers = plan.consumers.size();
  const Bytes least = kLeastRoom + kProcessOverhead * (consumers + 2) +
                      (plan.probes ? plan.probe_memory : Bytes(0)) +
                      (plan.local ? kLeastShare * consumers : Bytes(0));
  if (plan.limit >= least) return {};
  return fail(ErrorCode::bad_input,
              fmt::format("{} for consumers: {} processes and probes need {} before any memory of "
                          "their own; try a larger hardware.memory, fewer consumers or live.probes "
                          "= false",
                          human_bytes(plan.limit), consumers, human_bytes(least)),
              "hardware.memory");
}

void note_consumers(ThrashPlan& plan) {
  std::map<Bytes, std::size_t> sizes;
  for (const ConsumerPlan& one : plan.consumers)
    if (!one.program) ++sizes[one.load.memory];
  if (sizes.empty()) return;
  std::string words;
  for (const auto& [size, count] : sizes)
    words += fmt::format("{}{} of {}", words.empty() ? "" : ", ", count, human_bytes(size));
  plan.notes.push_back(fmt::format(
      "Consumers ({}) are processes of this machine, without transparent huge pages; before it "
      "takes its memory each locks its program and stack, so that it waits for pages of its load "
      "alone. They are the first that the kernel kills when memory runs out.",
      words));
}

void note_place(const study::Scenario& scenario, ThrashPlan& plan) {
  if (plan.whole_machine) {
    plan.notes.emplace_back(
        "WARNING: the whole machine thrashes: consumers have no limit of their own "
        "(live.where = \"machine\"), so that every program here may be swapped out and wait; "
        "hardware.memory says nothing.");
    return;
  }
  plan.notes.push_back(fmt::format(
      "The scenario's machine is a cgroup of this one with a hard limit of {}: what the scenario's "
      "memory is less own_memory. Reclaim is that of a cgroup: by whoever needs a page, without "
      "kswapd.",
      human_bytes(plan.limit)));
  if (plan.local)
    plan.notes.emplace_back(
        "Replacement is local: each consumer has a cgroup below that one, whose limit is an equal "
        "share, among those that run, of what programs and probes leave of the memory.");
  if (plan.probes)
    plan.notes.push_back(fmt::format(
        "Probes live in the group, too, and take {} and what a small program takes of its memory.",
        human_bytes(plan.probe_memory)));
  if (scenario.mechanism.settings.get<Bytes>("swapped_at_start") > Bytes(0))
    plan.notes.emplace_back(
        "Nothing is swapped out at the start: mechanism.swapped_at_start is for "
        "the model.");
}

void note_slow_disk(ThrashPlan& plan) {
  const SlowDisk& slow = plan.swap.slow;
  std::vector<std::string> limits;
  if (slow.reads_per_s != 0) limits.push_back(fmt::format("{} reads", slow.reads_per_s));
  if (slow.writes_per_s != 0) limits.push_back(fmt::format("{} writes", slow.writes_per_s));
  if (slow.rate_per_s != Bytes(0))
    limits.push_back(fmt::format("{} each way", human_bytes(slow.rate_per_s)));
  plan.notes.push_back(fmt::format(
      "For the group the swap file's disk is slowed to {} a second, by the kernel's limits of a "
      "cgroup's I/O. A page of swap is one read or write, also where it comes with others; reads "
      "do not wait for writes, as they do for a disk's one arm.",
      fmt::join(limits, ", ")));
}

void note_swap(const study::Scenario& scenario, ThrashPlan& plan) {
  const auto& wanted = scenario.hardware.get<std::string>("swap");
  const std::string file =
      fmt::format("a swap file of {} in {}", human_bytes(plan.swap.size), plan.swap.folder);
  if (plan.swap.kind == SwapKind::zram)
    plan.notes.push_back(
        fmt::format("Pages go to a zram device of {}, compressed by this kernel's own choice. Its "
                    "memory is not "
                    "the group's. With fill = \"none\" pages are zeros but for the bytes that were "
                    "written, and "
                    "compress very well.",
                    human_bytes(plan.swap.size)));
  else if (plan.swap.kind == SwapKind::zswap)
    plan.notes.push_back(
        fmt::format("Pages go through zswap to {}: pages in and out count those that zswap took or "
                    "gave; what it "
                    "wrote back is counted once.",
                    file));
  else
    plan.notes.push_back(fmt::format(
        "The swap device '{}' is {}, on whatever disk that is: hardware.disk_* and flash_* are for "
        "the model.",
        wanted, file));
  if (plan.swap.slow.wanted()) note_slow_disk(plan);
  plan.notes.emplace_back(
      "Swap and I/O counters are the whole system's: what else swaps here at the time is in them.");
}

}  // namespace

Bytes ThrashPlan::most_demand() const {
  std::map<nanoseconds, std::int64_t> changes;
  for (const ConsumerPlan& one : consumers) {
    const auto size = static_cast<std::int64_t>(one.load.memory.count());
    changes[one.start] += size;
    changes[one.end] -= size;
  }
  std::int64_t now = 0;
  std::int64_t most = 0;
  for (const auto& [time, change] : changes) most = std::max(most, now += change);
  return Bytes(static_cast<std::uint64_t>(most));
}

bool ThrashPlan::has_programs() const {
  return std::ranges::any_of(consumers,
                             [](const ConsumerPlan& one) { return one.program.has_value(); });
}

nanoseconds ThrashPlan::prepare_time() const {
  nanoseconds sum{0};
  for (const ConsumerPlan& one : consumers)
    if (one.program && !one.program->prepare.empty()) sum += one.program->prepare_within;
  return sum;
}

Result<ThrashPlan> plan_thrash(const study::Scenario& scenario) {
  ThrashPlan plan;
  plan.speed = scenario.live.get<double>("speed");
  plan.whole_machine = scenario.live.get<std::string>("where") == "machine";
  plan.probes = scenario.live.get<bool>("probes");
  plan.probe_memory = scenario.live.get<Bytes>("probe_memory");
  if (plan.probes && plan.probe_memory == Bytes(0))
    return fail(ErrorCode::bad_input, "a probe needs a page or more", "live.probe_memory");
  plan.control = scenario.mechanism.settings.get<std::string>("control");
  plan.duration = shortened(scenario.schedule.get<nanoseconds>("duration"), plan.speed);
  plan.sample_interval = scenario.schedule.get<nanoseconds>("sample_interval");
  if (plan.sample_interval < kLeastInterval)
    return fail(ErrorCode::bad_input,
                "less than 100 ms between samples: processor time is counted "
                "in ticks of 10 ms",
                "schedule.sample_interval");
  BRIM_CHECK(plan_all_consumers(scenario, plan));
  BRIM_CHECK(plan_program_folder(scenario.live, plan));
  BRIM_CHECK(plan_replacement(scenario.mechanism.settings, plan));
  BRIM_TRY(plan.limit, model::memory_for_consumers(scenario));
  BRIM_CHECK(plan_swap(scenario, plan.swap));
  BRIM_CHECK(plan_slow_disk(scenario.live, plan.whole_machine, plan.swap));
  BRIM_CHECK(check_room(plan));
  note_consumers(plan);
  for (std::string& note : notes_on_programs(scenario)) plan.notes.push_back(std::move(note));
  note_place(scenario, plan);
  note_swap(scenario, plan);
  if (plan.speed != 1)
    plan.notes.push_back(fmt::format(
        "The schedule goes {:g} times faster than the scenario's; bursts and the interval of "
        "samples do not. Times of samples are the scenario's, rates and lengths this machine's.",
        plan.speed));
  plan.notes.emplace_back(
      "Page replacement and its parameters are this kernel's own: those under [mechanism] but "
      "own_memory, scope and control are for the model. Page-ins and page-outs in the system's own "
      "counters are Linux's pgpgin and pgpgout: KiB of all block I/O.");
  return plan;
}

}  // namespace brim::thrash::live
