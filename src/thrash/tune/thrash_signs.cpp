// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/thrash_signs.h"

#include "base/text.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace brim::thrash::tune {
namespace {

constexpr double kPercent = 100;

double seconds_of(Time time) { return std::chrono::duration<double>(time).count(); }

// A counter that went back is another's: nothing is known of the time between.
template <class Count>
std::optional<double> grown(const std::optional<Count>& before, const std::optional<Count>& now) {
  if (!before || !now || *now < *before) return std::nullopt;
  if constexpr (std::is_same_v<Count, Time>)
    return seconds_of(*now - *before);
  else
    return static_cast<double>(*now - *before);
}

std::optional<double> percent_of(std::optional<double> part, double whole) {
  if (part) *part = std::min(kPercent, kPercent * *part / whole);
  return part;
}

void take_larger(std::optional<double>& value, const std::optional<double>& other) {
  if (other) value = std::max(value.value_or(0), *other);
}

// What the tasks seen at both looks did meanwhile.
struct TaskWork {
  std::size_t tasks = 0;  // that could run
  double user_seconds = 0;
  double system_seconds = 0;
  double major_faults = 0;
};
TaskWork work_between(const DomainCounters& before, const MemoryDomain& domain) {
  TaskWork work;
  for (const Task& task : domain.tasks) {
    const auto known =
        std::lower_bound(before.tasks.begin(), before.tasks.end(), task.id,
                         [](const TaskCounters& one, const TaskId& id) { return one.id < id; });
    if (known == before.tasks.end() || known->id != task.id) continue;
    if (!task.frozen_since && !task.standing) ++work.tasks;
    if (task.user_time > known->user_time)
      work.user_seconds += seconds_of(task.user_time - known->user_time);
    if (task.system_time > known->system_time)
      work.system_seconds += seconds_of(task.system_time - known->system_time);
    if (task.major_faults > known->major_faults)
      work.major_faults += static_cast<double>(task.major_faults - known->major_faults);
  }
  return work;
}

}  // namespace

DomainCounters counters_of(const MemoryDomain& domain, Time now) {
  DomainCounters counters;
  counters.at = now;
  counters.stalled = domain.stalled;
  counters.fully_stalled = domain.fully_stalled;
  counters.refaults = domain.refaults;
  counters.swapped_in = domain.swapped_in;
  for (const Task& task : domain.tasks)
    counters.tasks.push_back({task.id, task.user_time, task.system_time, task.major_faults});
  return counters;
}

Bytes room_in(const MemoryDomain& domain, const ThrashPolicy& policy) {
  return Bytes(static_cast<std::uint64_t>(
      std::floor(static_cast<double>(domain.capacity.count()) * policy.fill_percent / kPercent)));
}

Signs signs_between(const DomainCounters& before, const MemoryDomain& domain, unsigned processors,
                    const ThrashPolicy& policy, Time now) {
  Signs signs;
  signs.room = room_in(domain, policy);
  for (const Task& task : domain.tasks) signs.demand += task.resident + task.swapped;
  const double seconds = seconds_of(now - before.at);
  if (seconds <= 0) return signs;
  signs.stalled_percent = percent_of(grown(before.stalled, domain.stalled), seconds);
  signs.fully_stalled_percent =
      percent_of(grown(before.fully_stalled, domain.fully_stalled), seconds);
  take_larger(signs.read_back_per_s, grown(before.refaults, domain.refaults));
  take_larger(signs.read_back_per_s, grown(before.swapped_in, domain.swapped_in));
  const TaskWork work = work_between(before, domain);
  if (work.tasks > 0) {
    take_larger(signs.read_back_per_s, work.major_faults);
    const auto at_once = static_cast<double>(std::min<std::size_t>(work.tasks, processors));
    signs.progress_percent = percent_of(work.user_seconds, at_once * seconds);
    signs.work_per_s = work.user_seconds / seconds;
    const double calm = 1 - signs.stalled_percent.value_or(kPercent) / kPercent;
    signs.most_work_per_s = (work.user_seconds + calm * work.system_seconds) / seconds;
  }
  if (signs.read_back_per_s) *signs.read_back_per_s /= seconds;
  return signs;
}

bool suspicious(const Signs& signs, const ThrashPolicy& policy) {
  return signs.stalled_percent.value_or(0) >= policy.pressure_percent ||
         signs.read_back_per_s.value_or(0) >= policy.least_read_back_per_s;
}

bool unsettled(const Signs& signs, const ThrashPolicy& policy) {
  return signs.stalled_percent.value_or(kPercent) >= policy.pressure_percent &&
         signs.read_back_per_s.value_or(0) >= policy.least_read_back_per_s;
}

bool thrashes(const Signs& signs, const ThrashPolicy& policy) {
  return unsettled(signs, policy) &&
         signs.progress_percent.value_or(kPercent) <= policy.most_progress_percent &&
         signs.demand > signs.room;
}

std::string words_of(const Signs& signs) {
  std::vector<std::string> parts;
  if (signs.stalled_percent)
    parts.push_back(
        fmt::format("tasks waited for memory {:.0f} % of the time", *signs.stalled_percent));
  if (signs.read_back_per_s)
    parts.push_back(fmt::format("{} evicted pages a second came back",
                                with_separators(std::llround(*signs.read_back_per_s))));
  if (signs.progress_percent)
    parts.push_back(fmt::format("{:.0f} % of the time was of use", *signs.progress_percent));
  if (signs.demand.count() > 0)
    parts.push_back(fmt::format("tasks want {}, and {} is there for them",
                                human_bytes(signs.demand), human_bytes(signs.room)));
  return parts.empty() ? "nothing is known yet" : fmt::format("{}", fmt::join(parts, ", "));
}

}  // namespace brim::thrash::tune
