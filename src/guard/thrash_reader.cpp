// SPDX-License-Identifier: Apache-2.0
#include "guard/thrash_reader.h"

#include "host/group_reading.h"
#include "host/paging_counters.h"
#include "host/swap_table.h"
#include "host/system.h"

#include <algorithm>
#include <thread>

namespace brim::guard {
namespace {

using thrash::tune::MemoryDomain;
using thrash::tune::Task;
using thrash::tune::ThrashSnapshot;
using thrash::tune::Time;

constexpr const char* kHostName = "host";
constexpr const char* kHostPressure = "/proc/pressure/memory";
constexpr std::size_t kMostGroups = 64;
constexpr unsigned kLooksForNewGroups = 16;

void take_pressure(const host::Pressure& pressure, MemoryDomain& domain) {
  using std::chrono::microseconds;
  domain.stalled = microseconds(pressure.some.total_us);
  if (pressure.full) domain.fully_stalled = microseconds(pressure.full->total_us);
}

// One that is not told leaves the other.
std::optional<std::uint64_t> sum_of(std::optional<std::uint64_t> a,
                                    std::optional<std::uint64_t> b) {
  return a || b ? std::optional(a.value_or(0) + b.value_or(0)) : std::nullopt;
}

// Of a group, or of the host: told or not.
template <class MaybePages>
std::optional<std::uint64_t> told(const MaybePages& pages) {
  return pages ? std::optional(pages->count()) : std::nullopt;
}

}  // namespace

Result<ThrashReader> ThrashReader::open(const host::Host& host,
                                        const thrash::tune::ThrashPolicy& policy) {
  ThrashReader reader(host, policy);
  BRIM_CHECK(reader.find_groups());
  return reader;
}

// A scope is looked for each time: its limit may change.
Result<void> ThrashReader::find_groups() {
  if (policy_.scope.empty()) {
    BRIM_TRY(groups_, host::limited_memory_groups(host_, kMostGroups));
    return {};
  }
  BRIM_TRY(host::MemoryGroup group, host::find_memory_group(host_, policy_.scope));
  groups_ = {std::move(group)};
  return {};
}

std::vector<std::string> ThrashReader::pressure_files() const {
  std::vector<std::string> files;
  if (policy_.scope.empty()) files.emplace_back(kHostPressure);
  for (const host::MemoryGroup& group : groups_)
    if (const auto& place = group.places[host::GroupPart::pressure]; !place.folder.empty())
      files.push_back(place.folder + "/memory.pressure");
  return files;
}

Result<MemoryDomain> ThrashReader::read_host() const {
  MemoryDomain domain;
  domain.name = kHostName;
  BRIM_TRY(const host::MemoryInfo memory, host::read_memory_info(host_));
  domain.capacity = Bytes(memory.available_bytes);  // and what its tasks have: add_tasks()
  if (const auto pressure = host::read_pressure(host_, kHostPressure))
    take_pressure(*pressure, domain);
  if (const auto paging = host::read_paging_counters(host_))
    domain.refaults = sum_of(told(paging->refaults_anonymous), told(paging->refaults_file));
  if (const auto swap = host::read_swap_counters(host_)) {
    domain.swapped_in = told(swap->in);
    domain.swapped_out = told(swap->out);
  }
  return domain;
}

// Nothing once it is gone.
std::optional<MemoryDomain> ThrashReader::read_group(const host::MemoryGroup& group) {
  const host::GroupReading reading = host::read_group(host_, group.places);
  if (!reading.memory) return std::nullopt;
  if (reading.limit_hits) {
    const auto [before, is_new] = limit_hits_.try_emplace(group.name, *reading.limit_hits);
    if (!is_new && before->second < *reading.limit_hits) reclaiming_.push_back(group.places);
    before->second = *reading.limit_hits;
  }
  MemoryDomain domain;
  domain.name = group.name;
  domain.capacity = *group.limit;
  if (reading.pressure) take_pressure(*reading.pressure, domain);
  domain.refaults = sum_of(told(reading.refaults_anonymous), told(reading.refaults_file));
  domain.swapped_in = told(reading.swapped_in);
  domain.swapped_out = told(reading.swapped_out);
  return domain;
}

Result<void> ThrashReader::add_tasks(ThrashSnapshot& snapshot,
                                     const std::vector<host::HeldTasks::Held>& held) {
  std::vector<std::vector<int>> members;  // of each domain
  std::vector<int> all;
  for (const MemoryDomain& domain : snapshot.domains) {
    const auto group =
        std::find_if(groups_.begin(), groups_.end(),
                     [&](const host::MemoryGroup& one) { return one.name == domain.name; });
    auto pids = group == groups_.end() ? host::list_pids(host_)
                                       : host::pids_in_cgroup(host_, group->folder);
    if (!pids && group == groups_.end()) return fail(std::move(pids).error());
    members.push_back(pids ? std::move(*pids) : std::vector<int>{});
    all.insert(all.end(), members.back().begin(), members.back().end());
  }
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  const std::vector<Task> tasks = tasks_.read(all, held);
  for (std::size_t i = 0; i < snapshot.domains.size(); ++i) {
    MemoryDomain& domain = snapshot.domains[i];
    domain.tasks_known = true;
    for (const Task& task : tasks)
      if (std::binary_search(members[i].begin(), members[i].end(),
                             static_cast<int>(task.id.number)))
        domain.tasks.push_back(task);
    if (domain.name == kHostName)
      for (const Task& task : domain.tasks) domain.capacity += task.resident;
  }
  return {};
}

Result<ThrashSnapshot> ThrashReader::look(bool closely,
                                          const std::vector<host::HeldTasks::Held>& held) {
  problems_.clear();
  reclaiming_.clear();
  ThrashSnapshot snapshot;
  snapshot.processors = std::max(1U, std::thread::hardware_concurrency());
  if (!policy_.scope.empty() || looks_++ % kLooksForNewGroups == 0)
    if (auto found = find_groups(); !found) problems_.push_back(std::move(found).error());
  if (policy_.scope.empty()) {
    BRIM_TRY(MemoryDomain domain, read_host());
    snapshot.domains.push_back(std::move(domain));
  }
  for (const host::MemoryGroup& group : groups_)
    if (group.limit)
      if (auto domain = read_group(group)) snapshot.domains.push_back(std::move(*domain));
  if (closely) BRIM_CHECK(add_tasks(snapshot, held));
  return snapshot;
}

// One that is gone needs none.
void ThrashReader::count_reclaiming() const {
  for (const host::GroupPlaces& places : reclaiming_)
    (void)host::count_group(host_, places).has_value();
}

}  // namespace brim::guard
