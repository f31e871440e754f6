// SPDX-License-Identifier: Apache-2.0
#include "guard/task_reader.h"

#include "base/name_groups.h"
#include "host/processor_times.h"
#include "host/qemu.h"

#include <algorithm>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::guard {
namespace {

using thrash::tune::Task;
using thrash::tune::TaskId;
using thrash::tune::Time;

// In looks: kernel threads and small processes are looked at again so seldom, shared memory too.
constexpr std::uint32_t kLooksForKernelThreads = 64;
constexpr std::uint32_t kLooksForSmallOnes = 8;
constexpr std::uint32_t kLooksForSharedMemory = 32;
constexpr int kInit = 1;

bool is_real_time(int scheduling_policy) {
  return scheduling_policy == 1 || scheduling_policy == 2 || scheduling_policy == 6;
}

// Whose key one is: it and all others of the key belong together.
void link_by(const std::map<std::string, std::vector<std::size_t>>& keys,
             std::vector<Task>& tasks) {
  for (const auto& [key, places] : keys)
    for (std::size_t i = 1; i < places.size(); ++i)
      tasks[places[i]].linked.push_back(tasks[places[0]].id);
}

}  // namespace

TaskReader::TaskReader(const host::Host& host, const thrash::tune::ThrashPolicy& policy)
    : host_(host), policy_(policy) {
  own_.insert(kInit);
  if (!host.live()) return;
  // What started brim waits for it, and shows what it says.
  for (int pid = ::getpid(); pid > kInit && own_.insert(pid).second;) {
    const auto process = host::Process::open(host, pid);
    const auto stat = process ? process->stat() : fail(process.error());
    pid = stat ? stat->parent : kInit;
  }
}

std::set<std::string> TaskReader::shared_memory_of(const host::Process& process) const {
  std::set<std::string> shared;
  const auto mappings = process.maps();
  if (!mappings) return shared;
  std::map<std::string, std::uint64_t> bytes;
  for (const host::Mapping& mapping : *mappings)
    if (mapping.shared && mapping.writable && mapping.inode != 0)
      bytes[fmt::format("{}:{}", mapping.device, mapping.inode)] += mapping.bytes();
  for (const auto& [key, size] : bytes)
    if (size >= policy_.least_shared.count()) shared.insert(key);
  return shared;
}

void TaskReader::meet(const host::Process& process, const host::ProcessStat& stat,
                      Known& known) const {
  known.start_ticks = stat.start_ticks;
  known.name = stat.name;
  if (const auto arguments = process.command_line())
    if (const auto qemu = host::parse_qemu_arguments(*arguments)) {
      known.machine = true;
      known.name = qemu->name.value_or(fmt::format("qemu-{}", stat.pid));
    }
}

std::optional<Task> TaskReader::read_one(int pid, bool held) {
  Known& known = known_[pid];
  const std::uint32_t look = known.looks++;
  if (look < known.next_look && !held) return std::nullopt;
  const auto process = host::Process::open(host_, pid);
  const auto stat = process ? process->stat() : fail(process.error());
  const auto status = stat ? process->status() : fail(stat.error());
  if (!status) return std::nullopt;
  if (status->kernel_thread) {
    known.next_look = look + kLooksForKernelThreads;
    return std::nullopt;
  }
  Task task;
  task.id = {pid, stat->start_ticks};
  task.resident = Bytes(status->own_rss_bytes.value_or(status->vm_rss_bytes));
  task.swapped = Bytes(status->vm_swap_bytes);
  if (task.resident + task.swapped < policy_.least_task && !held) {
    known.next_look = look + kLooksForSmallOnes;
    return std::nullopt;
  }
  const bool fresh = known.start_ticks != stat->start_ticks;
  if (fresh) meet(*process, *stat, known);
  if (fresh || look % kLooksForSharedMemory == 0) known.shared = shared_memory_of(*process);
  task.name = known.name;
  task.machine = known.machine;
  task.user_time = host::ProcessorTime(static_cast<std::int64_t>(stat->user_ticks));
  task.system_time = host::ProcessorTime(static_cast<std::int64_t>(stat->system_ticks));
  task.major_faults = stat->major_faults;
  task.interactive =
      matches_any(policy_.interactive_names, task.name) || is_real_time(stat->scheduling_policy);
  task.protected_ = own_.contains(pid) || matches_any(policy_.protected_names, task.name);
  task.standing = !held && (stat->state == 'T' || stat->state == 't');
  process_groups_[pid] = stat->process_group;
  return task;
}

void TaskReader::link(std::vector<Task>& tasks) const {
  std::map<std::string, std::vector<std::size_t>> keys;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const int pid = static_cast<int>(tasks[i].id.number);
    const int group = process_groups_.at(pid);
    if (policy_.link_process_groups && group > kInit)
      keys[fmt::format("process group {}", group)].push_back(i);
    if (const auto team = thrash::tune::team_of(policy_, tasks[i].name); !team.empty())
      keys[fmt::format("team {}", team)].push_back(i);
    for (const std::string& memory : known_.at(pid).shared)
      keys[fmt::format("memory {}", memory)].push_back(i);
  }
  link_by(keys, tasks);
}

std::vector<Task> TaskReader::read(const std::vector<int>& pids,
                                   const std::vector<host::HeldTasks::Held>& held) {
  std::erase_if(known_, [&pids](const auto& entry) {
    return !std::binary_search(pids.begin(), pids.end(), entry.first);
  });
  process_groups_.clear();
  std::map<TaskId, Time> since;
  for (const host::HeldTasks::Held& one : held) since[task_id_of(one.process)] = one.since;
  std::set<int> held_pids;
  for (const auto& [id, time] : since) held_pids.insert(static_cast<int>(id.number));
  std::vector<Task> tasks;
  for (const int pid : pids) {
    auto task = read_one(pid, held_pids.contains(pid));
    if (!task) continue;
    if (const auto at = since.find(task->id); at != since.end()) task->frozen_since = at->second;
    tasks.push_back(std::move(*task));
  }
  link(tasks);
  return tasks;
}

}  // namespace brim::guard
