// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/task_groups.h"

#include <algorithm>
#include <numeric>

namespace brim::thrash::tune {
namespace {

// Sets of tasks that hang together (union-find).
class LinkedSets {
 public:
  explicit LinkedSets(std::size_t count) : above_(count) {
    std::iota(above_.begin(), above_.end(), std::size_t{0});
  }
  [[nodiscard]] std::size_t first_of(std::size_t one) {
    while (above_[one] != one) one = above_[one] = above_[above_[one]];
    return one;
  }
  // The smaller number stands for both.
  void join(std::size_t a, std::size_t b) {
    a = first_of(a);
    b = first_of(b);
    above_[std::max(a, b)] = std::min(a, b);
  }

 private:
  std::vector<std::size_t> above_;
};

std::vector<const Task*> freezable_tasks(const MemoryDomain& domain, const ThrashPolicy& policy) {
  std::vector<const Task*> tasks;
  for (const Task& task : domain.tasks)
    if (may_be_frozen(task, policy)) tasks.push_back(&task);
  return tasks;
}

}  // namespace

Bytes need_of(const Task& task, const LearntNeeds& learnt) {
  const Bytes all = task.resident + task.swapped;
  const auto known = learnt.find(task.id);
  if (known == learnt.end()) return all;
  return std::min(all, std::max(known->second, task.resident));
}

bool may_be_frozen(const Task& task, const ThrashPolicy& policy) {
  return !task.interactive && !task.protected_ && !task.standing &&
         task.resident + task.swapped >= policy.least_task;
}

Units units_in(const MemoryDomain& domain, const LearntNeeds& learnt, const ThrashPolicy& policy) {
  const std::vector<const Task*> tasks = freezable_tasks(domain, policy);
  std::map<TaskId, std::size_t> place;
  for (std::size_t i = 0; i < tasks.size(); ++i) place.emplace(tasks[i]->id, i);
  LinkedSets sets(tasks.size());
  // One that is never held still ties nobody to another: it goes on in every group.
  for (std::size_t i = 0; i < tasks.size(); ++i)
    for (const TaskId& other : tasks[i]->linked)
      if (const auto at = place.find(other); at != place.end()) sets.join(i, at->second);

  Units found;
  for (const Task& task : domain.tasks)
    if (!may_be_frozen(task, policy) && !task.standing) found.spared += need_of(task, learnt);
  std::map<std::size_t, std::size_t> unit_of_set;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto [at, fresh] = unit_of_set.emplace(sets.first_of(i), found.units.size());
    if (fresh) found.units.emplace_back();
    TaskGroup& unit = found.units[at->second];
    unit.tasks.push_back(tasks[i]->id);
    unit.need += need_of(*tasks[i], learnt);
  }
  return found;
}

std::vector<TaskGroup> pack(std::vector<TaskGroup> units, Bytes room) {
  std::stable_sort(units.begin(), units.end(),
                   [](const TaskGroup& a, const TaskGroup& b) { return a.need > b.need; });
  std::vector<TaskGroup> groups;
  for (TaskGroup& unit : units) {
    unit.too_large = unit.need > room;
    const auto fits = std::find_if(groups.begin(), groups.end(), [&](const TaskGroup& group) {
      return !group.too_large && group.need + unit.need <= room;
    });
    if (fits == groups.end()) {
      groups.push_back(std::move(unit));
      continue;
    }
    fits->need += unit.need;
    fits->tasks.insert(fits->tasks.end(), unit.tasks.begin(), unit.tasks.end());
    std::sort(fits->tasks.begin(), fits->tasks.end());
  }
  return groups;
}

const Task* find_task(const MemoryDomain& domain, const TaskId& id) {
  const auto at =
      std::lower_bound(domain.tasks.begin(), domain.tasks.end(), id,
                       [](const Task& task, const TaskId& key) { return task.id < key; });
  return at != domain.tasks.end() && at->id == id ? &*at : nullptr;
}

bool holds(const TaskGroup& group, const TaskId& id) {
  return std::binary_search(group.tasks.begin(), group.tasks.end(), id);
}

}  // namespace brim::thrash::tune
