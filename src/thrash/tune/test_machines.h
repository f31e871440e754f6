// SPDX-License-Identifier: Apache-2.0
#pragma once
// A machine for the tuner's tests: tasks that are held still or not, one domain, and counters that
// thrash or not, as the test says.

#include "thrash/tune/thrash_plan.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::tune {

using namespace std::chrono_literals;

inline TaskId task_id(std::int64_t number) { return {number, 7}; }

// Obeys every plan at once: what is to stand still does, its memory goes out, and what runs has its
// memory in.
class ObedientMachine {
 public:
  explicit ObedientMachine(Bytes capacity) : policy(*read_thrash_policy({})) {
    domain.name = "host";
    domain.capacity = capacity;
    domain.stalled = Time(0);
    domain.refaults = 0;
    domain.swapped_in = 0;
    domain.tasks_known = true;
  }
  Task& add(std::int64_t number, Bytes size) {
    Task task;
    task.id = task_id(number);
    task.name = "task" + std::to_string(number);
    task.resident = size;
    domain.tasks.push_back(std::move(task));
    return domain.tasks.back();
  }
  Task& task(std::int64_t number) {
    const auto at = std::find_if(domain.tasks.begin(), domain.tasks.end(),
                                 [&](const Task& one) { return one.id == task_id(number); });
    EXPECT_NE(at, domain.tasks.end());
    return *at;
  }
  void remove(std::int64_t number) {
    std::erase_if(domain.tasks, [&](const Task& one) { return one.id == task_id(number); });
  }
  // Time passes: thrashing, or with all time of use.
  void pass(Time time, bool thrashing) {
    now += time;
    if (thrashing) {
      *domain.stalled += time * 9 / 10;
      *domain.refaults += static_cast<std::uint64_t>(time / 1ms);
      return;
    }
    for (Task& task : domain.tasks)
      if (!task.frozen_since) task.user_time += time;
  }
  ThrashPlan look() {
    ThrashSnapshot snapshot;
    snapshot.processors = processors;
    snapshot.triggered = triggered;
    snapshot.acting_took = acting_took;
    snapshot.domains = {domain};
    snapshot.domains.insert(snapshot.domains.end(), inner.begin(), inner.end());
    ThrashPlan next = plan(snapshot, history, policy, now);
    history = next.history;
    obey(next);
    return next;
  }
  // Until it takes turns.
  ThrashPlan thrash() {
    look();
    pass(1s, true);
    look();
    pass(1s, true);
    return look();
  }
  // Goes on until the next switch, a look at a time, as the plan asks for looks.
  ThrashPlan until_switch(bool thrashing = false) {
    ThrashPlan next = look();
    for (int i = 0; i < 10000 && next.actions.empty(); ++i) {
      pass(next.next_look, thrashing);
      next = look();
    }
    EXPECT_FALSE(next.actions.empty()) << "it never switches";
    return next;
  }
  [[nodiscard]] std::vector<std::int64_t> running() const {
    std::vector<std::int64_t> numbers;
    for (const Task& task : domain.tasks)
      if (!task.frozen_since) numbers.push_back(task.id.number);
    return numbers;
  }
  [[nodiscard]] Bytes running_memory() const {
    Bytes sum;
    for (const Task& task : domain.tasks)
      if (!task.frozen_since) sum += task.resident + task.swapped;
    return sum;
  }

  ThrashPolicy policy;
  MemoryDomain domain;
  std::vector<MemoryDomain> inner;
  ThrashHistory history;
  Time now{1s};
  Time acting_took{0};
  unsigned processors = 2;
  bool triggered = false;
  bool holds_anew = false;  // who stands still does so from each switch on, as by other means

 private:
  void obey(const ThrashPlan& next) {
    for (Task& task : domain.tasks) {
      const bool still = std::binary_search(next.frozen.begin(), next.frozen.end(), task.id);
      if (still && task.frozen_since && holds_anew && !next.actions.empty())
        task.frozen_since = now;
      if (still && !task.frozen_since) {
        task.frozen_since = now;
        task.swapped += std::exchange(task.resident, Bytes(0));
      }
      if (!still && task.frozen_since) {
        task.frozen_since.reset();
        task.resident += std::exchange(task.swapped, Bytes(0));
      }
    }
  }
};

}  // namespace brim::thrash::tune
