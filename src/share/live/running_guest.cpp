// SPDX-License-Identifier: Apache-2.0
#include "share/live/running_guest.h"

#include "base/text.h"
#include "host/paused_process.h"
#include "host/process.h"
#include "host/record_file.h"
#include "lab/pause_record.h"
#include "share/measure/process_subject.h"
#include "share/measure/select.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <utility>

#include <fmt/format.h>

namespace brim::share::live {
namespace {

constexpr auto kMonitorTime = std::chrono::milliseconds(500);

class RunningGuest final : public LiveGuest {
 public:
  RunningGuest(const host::Host& host, LiveGuestPlan plan, host::Process process,
               std::string pauses)
      : LiveGuest(std::move(plan)),
        host_(host),
        process_(std::move(process)),
        pauses_(std::move(pauses)) {}
  ~RunningGuest() override { go_on(); }
  RunningGuest(const RunningGuest&) = delete;
  RunningGuest& operator=(const RunningGuest&) = delete;

  [[nodiscard]] std::optional<int> pid() const override { return process_.pid(); }
  [[nodiscard]] Result<bool> ready(std::chrono::milliseconds /*timeout*/) override { return true; }
  [[nodiscard]] Result<void> start_load() override { return {}; }
  [[nodiscard]] Result<void> pause() override {
    if (!plan_.pause) return {};
    BRIM_TRY(const bool still, host::stands_still(process_));
    if (still) return {};
    BRIM_TRY(record_, lab::write_pause_record(host_, pauses_, process_));
    auto paused = host::PausedProcess::pause(process_);
    if (!paused) {
      go_on();
      return fail(std::move(paused).error());
    }
    paused_.emplace(std::move(*paused));
    return {};
  }
  [[nodiscard]] Result<std::unique_ptr<Subject>> memory(const host::Host& host) override {
    return open_vm_subject(host, *plan_.found);
  }
  [[nodiscard]] Result<void> still_there() const override {
    if (process_.check_alive()) return {};
    return fail(ErrorCode::gone, "this machine ended before the study did", plan_.name);
  }

 private:
  // The record last: until then a killed brim's successor knows of it.
  void go_on() {
    paused_.reset();
    if (!record_.empty()) host::remove_record_file(std::exchange(record_, {}));
  }

  const host::Host& host_;
  host::Process process_;
  std::string pauses_;
  std::string record_;
  std::optional<host::PausedProcess> paused_;
};

// One line of why nothing is behind a name.
Error nobody(const std::string& pattern, const host::Discovery& discovery) {
  std::vector<std::string> names;
  names.reserve(discovery.machines.size());
  for (const host::VirtualMachine& machine : discovery.machines) names.push_back(machine.name);
  if (names.empty())
    return {ErrorCode::missing, "no QEMU machine runs here, be it libvirt's or another", pattern};
  const auto near = nearest_word(pattern, names);
  return {ErrorCode::missing,
          fmt::format("no machine of this name runs here{}",
                      near ? fmt::format("; did you mean '{}'?", *near)
                           : fmt::format("; there are {}", fmt::join(names, ", "))),
          pattern};
}

// Gives each machine to one guest, under a name that no other has.
class MachineFinder {
 public:
  MachineFinder(const host::Discovery& discovery, const LivePlan& plan) : discovery_(discovery) {
    for (const LiveGuestPlan& guest : plan.guests)
      if (guest.kind != GuestKind::running) names_.insert(guest.name);
    machines_.reserve(discovery.machines.size());
    for (const host::VirtualMachine& machine : discovery.machines) machines_.push_back(&machine);
    std::stable_sort(machines_.begin(), machines_.end(),
                     [](const auto* a, const auto* b) { return a->name < b->name; });
  }

  // Adds those that `wanted` names to the plan.
  Result<void> find(const LiveGuestPlan& wanted, LivePlan& plan) {
    const std::size_t before = plan.guests.size();
    bool named = false;
    for (const host::VirtualMachine* machine : machines_) {
      if (!matches_name(machine->name, wanted.machine)) continue;
      named = true;
      if (taken_.contains(machine)) continue;
      if (machine->ram.empty()) {
        without_ = why_without(*machine);
        plan.notes.push_back(fmt::format("Left out: {}", error_line(*without_)));
        continue;
      }
      taken_.insert(machine);
      LiveGuestPlan guest = wanted;
      guest.name = name_for(*machine);
      guest.found = *machine;
      plan.guests.push_back(std::move(guest));
      note(*machine, plan);
    }
    if (plan.guests.size() > before) return {};
    if (!named) return fail(nobody(wanted.machine, discovery_));
    if (without_) return fail(*without_);
    return fail(ErrorCode::bad_input, "what this names is studied already by another [[guests]]",
                wanted.machine);
  }

 private:
  std::string name_for(const host::VirtualMachine& machine) {
    std::string name = names_.contains(machine.name)
                           ? fmt::format("{} ({})", machine.name, machine.pid)
                           : machine.name;
    names_.insert(name);
    return name;
  }

  // As problems have it.
  static std::string place_of(const host::VirtualMachine& machine) {
    return fmt::format("VM {} (pid {})", machine.name, machine.pid);
  }

  [[nodiscard]] Error why_without(const host::VirtualMachine& machine) const {
    for (const Error& problem : discovery_.problems)
      if (problem.where == place_of(machine)) return problem;
    return {ErrorCode::missing, "its memory was not found", place_of(machine)};
  }

  void note(const host::VirtualMachine& machine, LivePlan& plan) const {
    for (const Error& problem : discovery_.problems)
      if (problem.where == place_of(machine)) plan.notes.push_back(error_line(problem));
    for (std::string& warning : vm_warnings(machine)) plan.notes.push_back(std::move(warning));
  }

  const host::Discovery& discovery_;
  std::vector<const host::VirtualMachine*> machines_;  // by name
  std::set<const host::VirtualMachine*> taken_;
  std::set<std::string> names_;
  std::optional<Error> without_;  // of the last that was left out
};

}  // namespace

Result<LivePlan> with_machines(LivePlan plan, const host::Discovery& discovery) {
  MachineFinder finder(discovery, plan);
  std::vector<LiveGuestPlan> wanted = std::move(plan.guests);
  plan.guests.clear();
  for (LiveGuestPlan& guest : wanted) {
    if (guest.kind == GuestKind::running) {
      BRIM_CHECK(finder.find(guest, plan));
    } else {
      plan.guests.push_back(std::move(guest));
    }
  }
  return plan;
}

Result<LivePlan> find_running_guests(const host::Host& host, LivePlan plan) {
  const bool any =
      std::any_of(plan.guests.begin(), plan.guests.end(),
                  [](const LiveGuestPlan& guest) { return guest.kind == GuestKind::running; });
  if (!any) return plan;
  BRIM_TRY(const host::Discovery discovery, host::discover_virtual_machines(host, kMonitorTime));
  return with_machines(std::move(plan), discovery);
}

Result<std::unique_ptr<LiveGuest>> open_running_guest(const host::Host& host,
                                                      const LiveGuestPlan& plan,
                                                      const std::string& pauses) {
  BRIM_ASSERT(plan.found.has_value());
  auto process = host::Process::open(host, plan.found->pid);
  if (!process || process->start_ticks() != plan.found->start_ticks)
    return fail(ErrorCode::gone, "this machine ended before the study began", plan.name);
  return std::make_unique<RunningGuest>(host, plan, std::move(*process), pauses);
}

}  // namespace brim::share::live
