// SPDX-License-Identifier: Apache-2.0
#include "cli/simulated_guard.h"

#include "thrash/model/control_in_user_space.h"
#include "thrash/tune/thrash_plan.h"

#include <algorithm>
#include <deque>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace brim::cli {
namespace {

using thrash::model::ControlledMachine;
using thrash::model::MachineControls;
using thrash::model::ModelTime;
using thrash::model::ProcessView;
using thrash::model::ThreadNumber;
using thrash::tune::Act;
using thrash::tune::Action;
using thrash::tune::MemoryDomain;
using thrash::tune::Task;
using thrash::tune::TaskId;
using thrash::tune::ThrashPlan;
using thrash::tune::ThrashPolicy;
using thrash::tune::ThrashSnapshot;

class SimulatedGuard final : public thrash::model::ThrashControl {
 public:
  SimulatedGuard(const ControlledMachine& machine, ThrashPolicy policy)
      : machine_(machine), policy_(std::move(policy)) {}

  void tick(MachineControls& machine, ModelTime now) override {
    account(machine, now);
    if (!act(machine, now) || now < next_look_) return;
    ThrashPlan plan = thrash::tune::plan(snapshot_of(machine), history_, policy_, now);
    history_ = std::move(plan.history);
    next_look_ = now + plan.next_look;
    actions_.assign(plan.actions.begin(), plan.actions.end());
    began_ = now;
    (void)act(machine, now);
  }

 private:
  void account(MachineControls& machine, ModelTime now) {
    const ModelTime passed = now - std::exchange(accounted_, now);
    bool waits = false;
    for (ThreadNumber number = 0; number < machine.processes(); ++number) {
      const ProcessView process = machine.process(number);
      waits = waits || (process.runs && process.blocked && !process.frozen);
    }
    const ModelTime system = machine.processor_times().system;
    const ModelTime worked = system - std::exchange(system_, system);
    stalled_ += waits ? passed : std::min(passed, worked / machine_.processors);
  }

  // Whether all of the last plan is in effect.
  bool act(MachineControls& machine, ModelTime now) {
    while (!actions_.empty()) {
      if (!begun_) begin(machine, actions_.front(), now);
      if (!done(machine, actions_.front(), now)) return false;
      begun_ = false;
      actions_.pop_front();
      if (actions_.empty()) acting_took_ = now - began_;
    }
    return true;
  }

  void begin(MachineControls& machine, const Action& action, ModelTime now) {
    begun_ = true;
    move_.begin(now);
    for (const TaskId& id : action.tasks) {
      const auto number = static_cast<ThreadNumber>(id.number);
      switch (action.act) {
        case Act::freeze:
          machine.freeze(number);
          frozen_.at(number) = now;
          break;
        case Act::page_out:
          machine.order_out(number);
          break;
        case Act::prefetch:
          machine.order_in(number);
          break;
        case Act::thaw:
          machine.thaw(number);
          frozen_.at(number).reset();
      }
    }
  }

  // Live, the calls that move pages come back when they are out, or on their way in.
  bool done(MachineControls& machine, const Action& action, ModelTime now) {
    if (action.act == Act::freeze || action.act == Act::thaw) return true;
    std::size_t left = 0;
    for (const TaskId& id : action.tasks) {
      const ProcessView process = machine.process(static_cast<ThreadNumber>(id.number));
      if (process.runs) left += action.act == Act::page_out ? process.frames : process.swapped;
    }
    return move_.over(left, now);
  }

  [[nodiscard]] ThrashSnapshot snapshot_of(MachineControls& machine) {
    frozen_.resize(machine.processes());
    ThrashSnapshot snapshot;
    snapshot.processors = machine_.processors;
    snapshot.acting_took = acting_took_;
    MemoryDomain domain;
    domain.name = "machine";
    domain.stalled = stalled_;
    domain.swapped_in = machine.memory_counts().pages_in;
    domain.swapped_out = machine.memory_counts().pages_out;
    domain.tasks_known = true;
    for (ThreadNumber number = 0; number < machine.processes(); ++number) {
      const ProcessView process = machine.process(number);
      if (process.runs) domain.tasks.push_back(task_of(number, process));
    }
    domain.capacity = bytes_of(Pages(machine.free_frames()));
    for (const Task& task : domain.tasks) domain.capacity += task.resident;
    snapshot.domains.push_back(std::move(domain));
    return snapshot;
  }

  [[nodiscard]] Task task_of(ThreadNumber number, const ProcessView& process) const {
    Task task;
    task.id = {.number = number, .since = 0};
    task.name = fmt::format("process {}", number + 1);
    task.resident = bytes_of(Pages(process.frames));
    task.swapped = bytes_of(Pages(process.swapped));
    task.user_time = machine_.access * static_cast<std::int64_t>(process.completed);
    task.major_faults = process.major_faults;
    task.interactive = number < machine_.interactive.size() && machine_.interactive[number];
    task.frozen_since = frozen_[number];
    return task;
  }

  ControlledMachine machine_;
  ThrashPolicy policy_;
  thrash::tune::ThrashHistory history_;
  ModelTime next_look_{0};
  ModelTime accounted_{0};
  ModelTime system_{0};
  ModelTime stalled_{0};
  ModelTime acting_took_{0};
  std::vector<std::optional<ModelTime>> frozen_;  // by process, since when
  std::deque<Action> actions_;                    // not in effect yet
  ModelTime began_{0};                            // of the plan that they are of
  bool begun_ = false;                            // the first of them
  thrash::model::PageMove move_;                  // of it
};

}  // namespace

std::unique_ptr<thrash::model::ThrashControl> make_simulated_guard(
    const ControlledMachine& machine) {
  auto policy = thrash::tune::read_thrash_policy({});
  BRIM_ASSERT(policy);  // the defaults
  return std::make_unique<SimulatedGuard>(machine, std::move(*policy));
}

}  // namespace brim::cli
