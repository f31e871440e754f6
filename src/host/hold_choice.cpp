// SPDX-License-Identifier: Apache-2.0
#include "host/hold_choice.h"

#include "host/process.h"
#include "host/qemu.h"
#include "host/system.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace brim::host {
namespace {

struct Freezer {
  std::string mount;
  std::string controller;  // as /proc/PID/cgroup has it; "" for version 2
  HoldMeans means = HoldMeans::cgroup_v2;
};

// Version 2 first: a process it holds still can be killed all the same.
std::vector<Freezer> freezers_of(const Host& host) {
  std::vector<Freezer> freezers;
  const auto cgroups = read_cgroups(host);
  if (!cgroups) return freezers;
  for (const CgroupMount& mount : cgroups->mounts)
    if (mount.v2) freezers.push_back({mount.path, "", HoldMeans::cgroup_v2});
  if (const CgroupMount* const mount = cgroups->with("freezer"); mount != nullptr && !mount->v2)
    freezers.push_back({mount->path, "freezer", HoldMeans::freezer_v1});
  return freezers;
}

std::string path_in(const std::map<std::string, std::string>& cgroups, const std::string& of) {
  for (const auto& [controllers, path] : cgroups)
    if (controllers == of || (!of.empty() && controllers.find(of) != std::string::npos))
      return path;
  return {};
}

// A monitor that may be asked without starting a machine that waits for it.
std::optional<Hold> monitor_hold(const Process& process, const HeldProcess& held) {
  const auto arguments = process.command_line();
  if (!arguments) return std::nullopt;
  const auto qemu = parse_qemu_arguments(*arguments);
  if (!qemu) return std::nullopt;
  for (const QmpSocket& socket : qemu->monitors)
    if (!socket.waits) return Hold{HoldMeans::machine_monitor, socket.path, {held}};
  return std::nullopt;
}

// All processes of a cgroup, where each of them is wanted.
std::optional<std::vector<HeldProcess>> whole_group(const Host& host, const std::string& folder,
                                                    const std::map<int, HeldProcess>& wanted) {
  const auto pids = pids_in_cgroup(host, folder);
  if (!pids || pids->empty()) return std::nullopt;
  std::vector<HeldProcess> members;
  for (const int pid : *pids) {
    const auto at = wanted.find(pid);
    if (at == wanted.end()) return std::nullopt;
    members.push_back(at->second);
  }
  return members;
}

// Takes whole cgroups of one hierarchy out of `left`.
void take_groups(const Host& host, const Freezer& freezer, std::map<int, HeldProcess>& left,
                 std::vector<Hold>& holds) {
  std::set<std::string> folders;
  for (const auto& [pid, held] : left) {
    const auto process = Process::open(host, pid);
    if (!process) continue;
    const auto cgroups = process->cgroups();
    if (!cgroups) continue;
    const std::string path = path_in(*cgroups, freezer.controller);
    if (path.size() > 1) folders.insert(freezer.mount + path);  // never the root
  }
  for (const std::string& folder : folders) {
    auto members = whole_group(host, folder, left);
    if (!members) continue;
    for (const HeldProcess& member : *members) left.erase(member.pid);
    holds.push_back({freezer.means, folder, std::move(*members)});
  }
}

}  // namespace

std::vector<Hold> choose_holds(const Host& host, const std::vector<HeldTasks::Wanted>& wanted) {
  std::vector<Hold> holds;
  std::map<int, HeldProcess> left;
  for (const HeldTasks::Wanted& one : wanted) {
    const auto process = Process::open(host, one.process.pid);
    if (!process || process->start_ticks() != one.process.start_ticks) continue;
    if (auto monitor = one.machine ? monitor_hold(*process, one.process) : std::nullopt)
      holds.push_back(std::move(*monitor));
    else
      left.emplace(one.process.pid, one.process);
  }
  for (const Freezer& freezer : freezers_of(host)) take_groups(host, freezer, left, holds);
  for (const auto& [pid, held] : left) holds.push_back({HoldMeans::signal, {}, {held}});
  return holds;
}

}  // namespace brim::host
