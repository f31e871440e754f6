// SPDX-License-Identifier: Apache-2.0
#include "share/live/live_plan.h"

#include <algorithm>
#include <cmath>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace brim::share::live {
namespace {

using std::chrono::nanoseconds;
using study::Settings;

constexpr Bytes kLeastMachine = mebibytes(96);     // boots, with a little to spare
constexpr Bytes kSystemOfMachine = mebibytes(64);  // what its kernel and agent keep for themselves
constexpr Bytes kEmulator = mebibytes(256);        // QEMU's own, at most
constexpr Bytes kProcessOverhead = mebibytes(32);
constexpr std::uint64_t kNoSharingLimit = 1'000'000;

Bytes scaled(Bytes bytes, double factor) {
  const auto pages = static_cast<std::uint64_t>(
      std::llround(static_cast<double>(bytes.count()) * factor / kPageSize));
  return Bytes(pages * kPageSize);
}

std::uint64_t scaled_batch(std::uint64_t pages, double factor) {
  if (pages == 0) return 0;
  return std::max<std::uint64_t>(
      1, static_cast<std::uint64_t>(std::llround(static_cast<double>(pages) * factor)));
}

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
  load.bytes = scaled(settings.get<Bytes>("size"), scenario.study.get<double>("scale"));
  load.write_rate = {static_cast<std::uint64_t>(std::llround(settings.get<double>("write_rate") *
                                                             static_cast<double>(kDenominator))),
                     kDenominator};
  load.pause = settings.get<nanoseconds>("pause");
  load.writes = writes_named(settings.get<std::string>("positions"));
  set_contents(settings.get<std::string>("contents"), load);
  load.seed = scenario.study.get<std::uint64_t>("seed") + machine;
  load.machine = machine;
  return load;
}

Result<void> check_guest(const LiveGuestPlan& guest) {
  if (guest.kind != GuestKind::qemu) return {};
  const auto whole = [](Bytes bytes) { return bytes.count() >> 20; };
  if (guest.memory < kLeastMachine)
    return fail(ErrorCode::bad_input,
                fmt::format("{} has {} MiB of memory; a machine needs {} MiB to boot", guest.name,
                            whole(guest.memory), whole(kLeastMachine)));
  const Bytes load = guest.load ? guest.load->bytes : Bytes(0);
  if (load + kSystemOfMachine > guest.memory)
    return fail(ErrorCode::bad_input,
                fmt::format("{} has {} MiB of memory: a load of {} MiB leaves its system less than "
                            "{} MiB",
                            guest.name, whole(guest.memory), whole(load), whole(kSystemOfMachine)));
  return {};
}

Result<void> plan_guests(const study::Scenario& scenario, LivePlan& plan) {
  const double scale = scenario.study.get<double>("scale");
  for (const study::GuestGroup& group : scenario.guests) {
    const Settings& settings = group.settings;
    const study::Load* load = scenario.find_load(group.load);
    if (load != nullptr && load->family != "synthetic" && load->family != "idle")
      return fail(ErrorCode::bad_input, fmt::format("{} is no load that runs live", load->family),
                  "loads." + load->name);
    for (std::uint64_t i = 0; i < group.count; ++i) {
      LiveGuestPlan guest;
      guest.name = fmt::format("guest-{}", plan.guests.size() + 1);
      guest.kind =
          settings.get<std::string>("kind") == "qemu" ? GuestKind::qemu : GuestKind::process;
      guest.kernel = settings.get<std::string>("kernel");
      guest.memory = scaled(settings.get<Bytes>("memory"), scale);
      guest.processors = static_cast<unsigned>(settings.get<std::uint64_t>("processors"));
      guest.huge_pages = settings.get<bool>("huge_pages");
      if (load != nullptr && load->family == "synthetic")
        guest.load = synthetic_load(scenario, load->settings, plan.guests.size() + 1);
      BRIM_CHECK(check_guest(guest));
      plan.guests.push_back(std::move(guest));
    }
  }
  return {};
}

model::KsmtunedKnobs tuner_knobs(const Settings& settings, double scale) {
  const auto batch = [&](std::string_view key) {
    return scaled_batch(settings.get<std::uint64_t>(key), scale);
  };
  return {.monitor_interval = settings.get<nanoseconds>("monitor_interval"),
          .sleep = settings.get<nanoseconds>("tuned_sleep"),
          .pages_boost = batch("pages_boost"),
          .pages_decay = batch("pages_decay"),
          .pages_min = batch("pages_min"),
          .pages_max = batch("pages_max"),
          .threshold_percent = settings.get<std::uint64_t>("threshold_percent")};
}

Result<void> plan_ksm(const study::Scenario& scenario, KsmPlan& ksm) {
  const std::string_view family = scenario.mechanism.family;
  if (family == "none") return {};
  if (family != "ksm")
    return fail(
        ErrorCode::bad_input,
        fmt::format("{} can't run on Linux: live there is ksm and none; --model has it", family),
        "mechanism.policy");
  const Settings& settings = scenario.mechanism.settings;
  const double scale = scenario.study.get<double>("scale");
  ksm.run = true;
  ksm.pages_to_scan = scaled_batch(settings.get<std::uint64_t>("pages_to_scan"), scale);
  ksm.sleep =
      std::chrono::duration_cast<std::chrono::milliseconds>(settings.get<nanoseconds>("sleep"));
  const auto sharing = settings.get<std::uint64_t>("max_page_sharing");
  ksm.max_page_sharing = sharing == 0 ? kNoSharingLimit : sharing;
  ksm.use_zero_pages = settings.get<bool>("use_zero_pages");
  ksm.smart_scan = settings.get<bool>("smart_scan");
  const auto& tuner = settings.get<std::string>("tuner");
  if (tuner == "ksmtuned")
    ksm.ksmtuned = tuner_knobs(settings, scale);
  else if (tuner != "none")
    return fail(ErrorCode::bad_input, fmt::format("the tuner {} does not run live yet", tuner),
                "mechanism.tuner");
  ksm.tuned_host = scaled(scenario.hardware.get<Bytes>("memory"), scale);
  ksm.tuned_own = scaled(scenario.hardware.get<Bytes>("own_memory"), scale);
  return {};
}

// Guests of one kind are told of once.
void note_guests(const study::Scenario& scenario, LivePlan& plan) {
  std::size_t first = 0;
  for (const study::GuestGroup& group : scenario.guests) {
    const LiveGuestPlan& guest = plan.guests.at(first);
    first += group.count;
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
  const double scale = scenario.study.get<double>("scale");
  if (!scenario.hardware_entry.empty())
    plan.notes.push_back(fmt::format("{}: this machine", scenario.hardware_entry));
  if (scale != 1)
    plan.notes.push_back(fmt::format(
        "At {:g} of the size: guests' memory, loads and KSM's batches; a guest's own system and "
        "all times are as they are, and figures are not scaled up",
        scale));
  if (plan.ksm.ksmtuned)
    plan.notes.push_back(fmt::format(
        "ksmtuned: its rule, applied by brim to a host of {} MiB, of which is free what the "
        "guests have not",
        plan.ksm.tuned_host.count() >> 20));
}

}  // namespace

Bytes host_memory_limit(const LiveGuestPlan& guest) {
  if (guest.kind == GuestKind::qemu) return guest.memory + kEmulator;
  return (guest.load ? guest.load->bytes : Bytes(0)) + kProcessOverhead;
}

Result<LivePlan> plan_live(const study::Scenario& scenario) {
  LivePlan plan;
  BRIM_CHECK(plan_guests(scenario, plan));
  BRIM_CHECK(plan_ksm(scenario, plan.ksm));
  plan.warm_up = scenario.schedule.get<nanoseconds>("warm_up");
  plan.duration = scenario.schedule.get<nanoseconds>("duration");
  plan.sample_interval = scenario.schedule.get<nanoseconds>("sample_interval");
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
