// SPDX-License-Identifier: Apache-2.0
#include "host/hold.h"

#include "host/cgroup_folder.h"
#include "host/paused_process.h"
#include "host/process.h"
#include "host/process_text.h"
#include "host/qmp.h"
#include "host/system.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::host {
namespace {

using nlohmann::json;

constexpr auto kMonitorPatience = std::chrono::milliseconds(500);
constexpr std::array<std::string_view, 4> kMeansNames{"machine_monitor", "cgroup_v2", "freezer_v1",
                                                      "signal"};

// The control file of a frozen cgroup, and its words for going on and standing still.
struct FreezerFile {
  std::string_view name;
  std::string_view thawed;
  std::string_view frozen;
};
constexpr FreezerFile kFreezerV1{"freezer.state", "THAWED", "FROZEN"};
constexpr FreezerFile kFreezerV2{"cgroup.freeze", "0", "1"};

const FreezerFile& freezer_of(const Hold& hold) {
  return hold.means == HoldMeans::cgroup_v2 ? kFreezerV2 : kFreezerV1;
}

std::string control_of(const Hold& hold) {
  return fmt::format("{}/{}", hold.place, freezer_of(hold).name);
}

// Its folder is gone, or it can't be frozen (no longer): nothing to do there.
Result<bool> group_stands(const Host& host, const Hold& hold) {
  auto state = host.read_value(control_of(hold));
  if (!state && (state.error().code == ErrorCode::missing || state.error().code == ErrorCode::gone))
    return fail(ErrorCode::gone, "the cgroup is gone", hold.place);
  if (!state) return fail(std::move(state).error());
  return *state != freezer_of(hold).thawed;
}

Result<bool> freeze_group(const Host& host, const Hold& hold) {
  BRIM_TRY(const bool stands, group_stands(host, hold));
  if (stands) return false;
  BRIM_CHECK(write_control(control_of(hold), std::string(freezer_of(hold).frozen)));
  return true;
}

Result<bool> thaw_group(const Host& host, const Hold& hold) {
  const auto stands = group_stands(host, hold);
  if (!stands && stands.error().code == ErrorCode::gone) return false;
  if (!stands) return fail(stands.error());
  if (*stands) BRIM_CHECK(write_control(control_of(hold), std::string(freezer_of(hold).thawed)));
  return *stands;
}

// The process of a hold of one, if it is still that.
Result<Process> process_of(const Host& host, const Hold& hold) {
  const HeldProcess& held = hold.processes.front();
  auto opened = Process::open(host, held.pid);
  if (!opened && opened.error().code == ErrorCode::missing)
    return fail(ErrorCode::gone, "the process has exited", opened.error().where);
  BRIM_TRY(Process process, std::move(opened));
  if (process.start_ticks() != held.start_ticks)
    return fail(ErrorCode::gone, "the process has exited", process.place(""));
  return process;
}

bool is_over(const Error& error) {
  return error.code == ErrorCode::gone || error.code == ErrorCode::missing;
}

// The signal is sent, not waited for: whoever is in the kernel stops on its way out.
Result<bool> stop_process(const Host& host, const Hold& hold) {
  BRIM_TRY(const Process process, process_of(host, hold));
  BRIM_TRY(const bool still, stands_still(process));
  if (still) return false;
  const Fd descriptor(static_cast<int>(::syscall(SYS_pidfd_open, process.pid(), 0)));
  if (!descriptor) return fail(errno_error(errno, "open a process for signals", process.place("")));
  BRIM_CHECK(process.check_alive());
  if (::syscall(SYS_pidfd_send_signal, descriptor.get(), SIGSTOP, nullptr, 0) != 0)
    return fail(errno_error(errno, "stop", process.place("")));
  return true;
}

// Also where it does not stand still yet: the signal to stop may be on its way.
Result<bool> continue_process(const Host& host, const Hold& hold) {
  const auto process = process_of(host, hold);
  if (!process && is_over(process.error())) return false;
  if (!process) return fail(process.error());
  if (const auto went_on = let_go_on(*process); !went_on) {
    if (is_over(went_on.error())) return false;
    return fail(went_on.error());
  }
  return true;
}

Result<bool> machine_runs(Qmp& monitor) {
  BRIM_TRY(const json status, monitor.execute("query-status", kMonitorPatience));
  return status.value("running", false);
}

Result<Qmp> monitor_of(const Hold& hold) {
  BRIM_TRY(Qmp monitor, Qmp::connect(hold.place, kMonitorPatience));
  if (monitor.peer_pid() != 0 && monitor.peer_pid() != hold.processes.front().pid)
    return fail(ErrorCode::denied, "another process answers at the monitor", hold.place);
  return monitor;
}

Result<bool> pause_machine(const Host& host, const Hold& hold) {
  BRIM_TRY(const Process process, process_of(host, hold));
  BRIM_TRY(Qmp monitor, monitor_of(hold));
  BRIM_TRY(const bool runs, machine_runs(monitor));
  if (!runs) return false;
  BRIM_TRY(const json done, monitor.execute("stop", kMonitorPatience));
  return true;
}

Result<bool> resume_machine(const Host& host, const Hold& hold) {
  const auto process = process_of(host, hold);
  if (!process && is_over(process.error())) return false;
  BRIM_TRY(Qmp monitor, monitor_of(hold));
  BRIM_TRY(const bool runs, machine_runs(monitor));
  if (runs) return false;
  BRIM_TRY(const json done, monitor.execute("cont", kMonitorPatience));
  return true;
}

struct HoldRecord {
  Hold hold;
  RecordOwner owner;
};

std::optional<HoldRecord> read_hold_record(const std::string& file) {
  const auto object = read_record_file(file);
  if (!object) return std::nullopt;
  try {
    HoldRecord record;
    record.owner = owner_in(*object);
    const auto means =
        std::find(kMeansNames.begin(), kMeansNames.end(), object->at("means").get<std::string>());
    if (means == kMeansNames.end()) return std::nullopt;
    record.hold.means = static_cast<HoldMeans>(means - kMeansNames.begin());
    record.hold.place = object->at("place").get<std::string>();
    for (const json& one : object->at("processes"))
      record.hold.processes.push_back({one.at(0).get<int>(), one.at(1).get<std::uint64_t>()});
    if (record.hold.processes.empty()) return std::nullopt;
    return record;
  } catch (const json::exception&) {
    return std::nullopt;
  }
}

// A cgroup of a record is below a hierarchy of this host, or brim leaves it alone.
bool is_known_place(const Host& host, const Hold& hold) {
  if (hold.means != HoldMeans::cgroup_v2 && hold.means != HoldMeans::freezer_v1) return true;
  const auto cgroups = read_cgroups(host);
  if (!cgroups || hold.place.find("/..") != std::string::npos) return false;
  return std::any_of(cgroups->mounts.begin(), cgroups->mounts.end(), [&](const CgroupMount& mount) {
    return hold.place.starts_with(mount.path + "/");
  });
}

bool same_owner(const RecordOwner& a, const RecordOwner& b) {
  return a.boot_id == b.boot_id && a.pid == b.pid && a.start_ticks == b.start_ticks;
}

// A line to tell, if there is one.
std::optional<std::string> let_go_record(const Host& host, const std::string& boot_id,
                                         const std::string& file,
                                         const std::optional<RecordOwner>& dead) {
  const auto record = read_hold_record(file);
  if (!record || !is_known_place(host, record->hold))
    return fmt::format("left {}: not a record of what brim holds still", file);
  std::optional<std::string> line;
  if (record->owner.boot_id == boot_id) {
    if (!(dead && same_owner(*dead, record->owner)) && owner_lives(host, record->owner))
      return std::nullopt;
    const auto stood = undo_hold(host, record->hold);
    if (!stood)
      return fmt::format("could not let go on what an interrupted guard held still: {}",
                         error_line(stood.error()));
    const std::string what = record->hold.place.empty()
                                 ? fmt::format("process {}", record->hold.processes.front().pid)
                                 : record->hold.place;
    if (*stood) line = fmt::format("let {} go on, which an interrupted guard held still", what);
  }
  remove_record_file(file);
  return line;
}

}  // namespace

std::string_view name_of(HoldMeans means) { return kMeansNames[static_cast<std::size_t>(means)]; }

Result<bool> make_hold(const Host& host, const Hold& hold) {
  switch (hold.means) {
    case HoldMeans::machine_monitor:
      return pause_machine(host, hold);
    case HoldMeans::cgroup_v2:
    case HoldMeans::freezer_v1:
      return freeze_group(host, hold);
    case HoldMeans::signal:
      break;
  }
  return stop_process(host, hold);
}

Result<bool> undo_hold(const Host& host, const Hold& hold) {
  switch (hold.means) {
    case HoldMeans::machine_monitor:
      return resume_machine(host, hold);
    case HoldMeans::cgroup_v2:
    case HoldMeans::freezer_v1:
      return thaw_group(host, hold);
    case HoldMeans::signal:
      break;
  }
  return continue_process(host, hold);
}

Result<std::string> write_hold_record(const Host& host, const std::string& records,
                                      const Hold& hold, std::uint64_t number) {
  json processes = json::array();
  for (const HeldProcess& one : hold.processes) processes.push_back({one.pid, one.start_ticks});
  return write_record_file(
      host, records, fmt::format("hold-{}-{}", ::getpid(), number),
      {{"means", name_of(hold.means)}, {"place", hold.place}, {"processes", std::move(processes)}});
}

std::vector<std::string> let_go_abandoned_holds(const Host& host, const std::string& records,
                                                const std::optional<RecordOwner>& dead) {
  return tend_records(
      host, records,
      [&](const std::string& boot_id, const std::string& file) -> std::optional<std::string> {
        if (!file.ends_with(".json")) return std::nullopt;
        return let_go_record(host, boot_id, file, dead);
      });
}

}  // namespace brim::host
