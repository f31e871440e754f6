// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_plan.h"

#include "lab/guest.h"
#include "share/live/as_found.h"
#include "share/model/ksm_settings.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::share::live {
namespace {

using std::chrono::nanoseconds;
using study::Settings;

constexpr Bytes kLeastMachine = mebibytes(96);  // boots, with a little to spare
constexpr Bytes kProcessOverhead = mebibytes(32);

// How the host's run differs from what the scenario says.
struct Measure {
  double scale;  // of memory
  double speed;  // of time

  explicit Measure(const study::Scenario& scenario)
      : scale(scenario.study.get<double>("scale")), speed(scenario.live.get<double>("speed")) {}
  [[nodiscard]] Bytes bytes(const Settings& settings, std::string_view key) const {
    const double pages = static_cast<double>(settings.get<Bytes>(key).count()) / kPageSize;
    return bytes_of(Pages(static_cast<std::uint64_t>(std::llround(pages * scale))));
  }
  [[nodiscard]] nanoseconds time(const Settings& settings, std::string_view key) const {
    return nanoseconds(
        std::llround(static_cast<double>(settings.get<nanoseconds>(key).count()) / speed));
  }
  [[nodiscard]] model::Scale of_ksm() const { return model::Scale(scale, speed); }
};

// What a machine's kernel and agent keep for themselves. Seen with Linux 6.1 and 6.12: of 128 MiB a
// load gets 60 and not 64, of 256 MiB 184 and not 188.
Bytes system_of(Bytes machine) { return mebibytes(68) + Bytes(machine.count() / 32); }

lab::LoadWrites writes_named(const std::string& positions) {
  if (positions == "linux_program") return lab::LoadWrites::linux_program;
  if (positions == "windows_program") return lab::LoadWrites::windows_program;
  return lab::LoadWrites::algorithm;
}

void set_contents(const std::string& contents, lab::Load& load) {
  if (contents == "distinct_per_page") load.content = lab::LoadContent::per_page;
  if (contents == "distinct_per_guest") load.content = lab::LoadContent::per_machine;
  if (contents == "zero") load.content = lab::LoadContent::zero;
  load.changing = contents == "changing";
}

lab::Load synthetic_load(const study::Scenario& scenario, const Settings& settings,
                         std::uint64_t machine) {
  constexpr std::uint64_t kDenominator = 1 << 20;
  lab::Load load;
  const Measure measure(scenario);
  load.bytes = measure.bytes(settings, "size");
  load.write_rate = {static_cast<std::uint64_t>(std::llround(settings.get<double>("write_rate") *
                                                             static_cast<double>(kDenominator))),
                     kDenominator};
  load.pause = measure.time(settings, "pause");
  load.writes = writes_named(settings.get<std::string>("positions"));
  set_contents(settings.get<std::string>("contents"), load);
  load.seed = scenario.study.get<std::uint64_t>("seed") + machine;
  load.machine = machine;
  return load;
}

lab::Load mariadb_load(const Settings& settings) {
  lab::Load load;
  load.kind = lab::LoadKind::mariadb;
  load.mariadb = {.clients = settings.get<std::uint64_t>("clients"),
                  .iterations = settings.get<std::uint64_t>("iterations"),
                  .queries = settings.get<std::uint64_t>("queries"),
                  .buffer_pool_size = settings.get<Bytes>("buffer_pool_size")};
  return load;
}

lab::Load compile_load(const Settings& settings) {
  lab::Load load;
  load.kind = lab::LoadKind::compile;
  load.compile = {.files = settings.get<std::uint64_t>("files"),
                  .functions = settings.get<std::uint64_t>("functions"),
                  .iterations = settings.get<std::uint64_t>("iterations")};
  return load;
}

// Nothing for a guest that idles.
std::optional<lab::Load> load_of(const study::Scenario& scenario, const study::Load& load,
                                 std::uint64_t machine) {
  if (load.family == "synthetic") return synthetic_load(scenario, load.settings, machine);
  if (load.family == "mariadb") return mariadb_load(load.settings);
  if (load.family == "compile") return compile_load(load.settings);
  return std::nullopt;
}

bool runs_programs(const LiveGuestPlan& guest) {
  return guest.load && guest.load->kind != lab::LoadKind::synthetic;
}

GuestKind kind_named(const std::string& kind) {
  if (kind == "process") return GuestKind::process;
  return kind == "qemu" ? GuestKind::qemu : GuestKind::running;
}

Result<void> check_guest(const LiveGuestPlan& guest) {
  if (guest.kind == GuestKind::process && runs_programs(guest))
    return fail(ErrorCode::bad_input,
                fmt::format("{} is a process: its load can't be programs; kind = \"qemu\" has them",
                            guest.name));
  if (guest.kind != GuestKind::qemu) return {};
  const auto whole = [](Bytes bytes) { return bytes.count() >> 20; };
  if (guest.memory < kLeastMachine)
    return fail(ErrorCode::bad_input,
                fmt::format("{} has {} MiB of memory; a machine needs {} MiB to boot", guest.name,
                            whole(guest.memory), whole(kLeastMachine)));
  // MariaDB with its files in memory takes 90 MiB, gcc 42.
  constexpr Bytes kPrograms = mebibytes(64);
  Bytes load = guest.load ? guest.load->bytes : Bytes(0);
  if (runs_programs(guest)) load = kPrograms + guest.load->mariadb.buffer_pool_size;
  if (load + system_of(guest.memory) > guest.memory)
    return fail(
        ErrorCode::bad_input,
        fmt::format("{} has {} MiB of memory: a load of {} MiB leaves its system less than "
                    "{} MiB",
                    guest.name, whole(guest.memory), whole(load), whole(system_of(guest.memory))));
  return {};
}

Result<void> plan_guests(const study::Scenario& scenario, LivePlan& plan) {
  const Measure measure(scenario);
  for (std::size_t number = 0; number < scenario.guests.size(); ++number) {
    const study::GuestGroup& group = scenario.guests[number];
    const Settings& settings = group.settings;
    const GuestKind kind = kind_named(settings.get<std::string>("kind"));
    if (kind == GuestKind::running) {
      BRIM_TRY(plan.guests.emplace_back(), plan_running(scenario, number));
      continue;
    }
    if (!settings.get<std::string>("machine").empty())
      return fail(ErrorCode::bad_input, "goes with kind = \"running\"",
                  fmt::format("guests.{}.machine", number));
    const study::Load* load = scenario.find_load(group.load);
    for (std::uint64_t i = 0; i < group.count; ++i) {
      LiveGuestPlan guest;
      guest.name = fmt::format("guest-{}", plan.guests.size() + 1);
      guest.kind = kind;
      guest.kernel = settings.get<std::string>("kernel");
      guest.kernel_arguments = settings.get<std::string>("kernel_arguments");
      guest.memory = measure.bytes(settings, "memory");
      guest.processors = static_cast<unsigned>(settings.get<std::uint64_t>("processors"));
      guest.huge_pages = settings.get<bool>("huge_pages");
      if (load != nullptr) guest.load = load_of(scenario, *load, plan.guests.size() + 1);
      BRIM_CHECK(check_guest(guest));
      plan.guests.push_back(std::move(guest));
    }
  }
  return {};
}

Result<void> plan_ksm(const study::Scenario& scenario, KsmPlan& ksm) {
  if (scenario.live.get<std::string>("ksm") == "as_is") return plan_ksm_as_is(scenario, ksm);
  const std::string_view family = scenario.mechanism.family;
  if (family == "none") return {};
  if (family != "ksm")
    return fail(
        ErrorCode::bad_input,
        fmt::format("{} can't run on Linux: live there is ksm and none; --model has it", family),
        "mechanism.policy");
  const Settings& settings = scenario.mechanism.settings;
  const Measure measure(scenario);
  ksm.run = true;
  ksm.pages_to_scan = measure.of_ksm().batch(settings, "pages_to_scan");
  ksm.sleep =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings.get<nanoseconds>("sleep"));
  const auto sharing = settings.get<std::uint64_t>("max_page_sharing");
  if (sharing != 0) ksm.max_page_sharing = sharing;
  ksm.use_zero_pages = settings.get<bool>("use_zero_pages");
  ksm.smart_scan = settings.get<bool>("smart_scan");
  ksm.ksmtuned = model::ksmtuned_of(settings, measure.of_ksm());
  ksm.advisor = model::ksm_advisor_of(settings, measure.of_ksm());
  ksm.tuned_by_brim = model::tuned_by_brim(settings);
  ksm.tuned_host = measure.bytes(scenario.hardware, "memory");
  ksm.tuned_own = measure.bytes(scenario.hardware, "own_memory");
  return {};
}

// Guests of one kind are told of once.
void note_guests(const study::Scenario& scenario, LivePlan& plan) {
  std::size_t first = 0;
  for (const study::GuestGroup& group : scenario.guests) {
    const LiveGuestPlan& guest = plan.guests.at(first);
    first += group.count;
    if (guest.kind == GuestKind::running) {
      plan.notes.push_back(note_of_running(guest));
      continue;
    }
    const std::string who = group.entry.empty() ? "guests" : group.entry;
    const std::uint64_t size = guest.memory.count() >> 20;
    plan.notes.push_back(
        guest.kind == GuestKind::qemu
            ? fmt::format("{} x {}: QEMU machines of {} MiB with Linux {}", group.count, who, size,
                          guest.kernel)
            : fmt::format("{} x {}: processes whose load's memory may be merged; no system, no "
                          "emulator",
                          group.count, who));
  }
}

void note_settings(const study::Scenario& scenario, LivePlan& plan) {
  const Measure measure(scenario);
  if (!scenario.hardware_entry.empty())
    plan.notes.push_back(fmt::format("{}: this machine", scenario.hardware_entry));
  if (measure.scale != 1)
    plan.notes.push_back(fmt::format(
        "At {:g} of the size: guests' memory, loads and KSM's batches; a guest's own system and "
        "emulator are as they are, and figures are not scaled up",
        measure.scale));
  if (plan.speed != 1)
    plan.notes.push_back(fmt::format(
        "{:g} times as fast: schedule, pauses and KSM's pages a second; times are told as the "
        "scenario has them, processor time is of the faster run",
        plan.speed));
  if (plan.ksm.run && !plan.ksm.max_page_sharing)
    plan.notes.emplace_back(
        "No limit of max_page_sharing: this host's, which kernels since 4.13 have");
  if (plan.ksm.ksmtuned)
    plan.notes.push_back(fmt::format(
        "ksmtuned: its rule, applied by brim to a host of {} MiB, of which is free what the "
        "guests have not",
        plan.ksm.tuned_host.count() >> 20));
  if (plan.ksm.tuned_by_brim)
    plan.notes.emplace_back(
        "brim's tuner, with its default policy: of this host's memory, and of the study's guests "
        "alone; it looks at nothing while brim reads the guests' memory (live.scan)");
}

}  // namespace

bool starts_guests(const LivePlan& plan) {
  return std::any_of(plan.guests.begin(), plan.guests.end(),
                     [](const LiveGuestPlan& guest) { return guest.kind != GuestKind::running; });
}

Bytes host_memory_limit(const LiveGuestPlan& guest) {
  if (guest.kind == GuestKind::running) return Bytes(0);
  if (guest.kind == GuestKind::qemu) return guest.memory + lab::kEmulatorMemory;
  return (guest.load ? guest.load->bytes : Bytes(0)) + kProcessOverhead;
}

Result<LivePlan> plan_live(const study::Scenario& scenario) {
  LivePlan plan;
  BRIM_CHECK(plan_guests(scenario, plan));
  BRIM_CHECK(plan_ksm(scenario, plan.ksm));
  BRIM_CHECK(check_as_found(scenario, plan));
  const Measure measure(scenario);
  plan.speed = measure.speed;
  plan.warm_up = measure.time(scenario.schedule, "warm_up");
  plan.duration = measure.time(scenario.schedule, "duration");
  plan.sample_interval = measure.time(scenario.schedule, "sample_interval");
  if (plan.sample_interval.count() == 0)
    return fail(ErrorCode::bad_input, "it is 0: it must be longer", "schedule.sample_interval");
  plan.boot_timeout = scenario.live.get<nanoseconds>("boot_timeout");
  const auto& scan = scenario.live.get<std::string>("scan");
  plan.scan = scan == "at_end"  ? ScanTimes::at_end
              : scan == "never" ? ScanTimes::never
                                : ScanTimes::every_sample;
  note_guests(scenario, plan);
  note_settings(scenario, plan);
  return plan;
}

}  // namespace brim::share::live
