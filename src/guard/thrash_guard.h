// SPDX-License-Identifier: Apache-2.0
#pragma once
// The daemon's work against thrashing: look, plan, apply, again and again. What it holds still is
// let go at its end, whatever the end is (held_tasks.h). Between two looks it has the kernel count
// the pages of groups that reclaim (the policy's keep_counted).

#include "guard/action_log.h"
#include "guard/guard_loop.h"
#include "guard/thrash_reader.h"
#include "host/held_tasks.h"
#include "host/pressure_trigger.h"
#include "thrash/tune/thrash_plan.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace brim::guard {

class ThrashGuard final : public GuardedArea {
 public:
  // Without `held` it only tells what it would do. All must outlive it.
  ThrashGuard(const host::Host& host, ThrashReader& reader,
              const thrash::tune::ThrashPolicy& policy, ActionLog& log, host::HeldTasks* held);

  [[nodiscard]] Result<std::chrono::nanoseconds> step(std::chrono::nanoseconds now) override;
  void wind_up() override;
  [[nodiscard]] std::vector<int> alarms() const override;
  void alarmed() override;

 private:
  // How long until the next.
  [[nodiscard]] Result<std::chrono::nanoseconds> look(thrash::tune::Time now);
  void set_alarms(const host::Host& host);
  void tell(const thrash::tune::ThrashPlan& plan);
  void tell_problem(const Error& error);
  void remember(const thrash::tune::ThrashSnapshot& snapshot);
  void apply(const thrash::tune::ThrashPlan& plan);
  void advise(const thrash::tune::Action& action);
  [[nodiscard]] bool reclaim_instead(const thrash::tune::TaskId& id) const;
  void hold(const std::vector<thrash::tune::TaskId>& tasks);
  [[nodiscard]] std::vector<thrash::tune::TaskId> held_ids() const;
  [[nodiscard]] std::vector<std::string> names_of(
      const std::vector<thrash::tune::TaskId>& tasks) const;

  const host::Host& host_;
  ThrashReader& reader_;
  const thrash::tune::ThrashPolicy& policy_;
  ActionLog& log_;
  host::HeldTasks* held_;
  thrash::tune::ThrashHistory history_;
  std::map<thrash::tune::TaskId, thrash::tune::Task> tasks_;  // as last seen
  std::vector<host::PressureTrigger> triggers_;
  std::set<std::string> in_turns_;  // domains
  bool first_ = true;
  bool closely_ = false;
  std::optional<thrash::tune::Time> alarmed_at_;
  thrash::tune::Time look_due_{0};
  thrash::tune::Time acting_took_{0};
  std::map<std::string, std::vector<std::string>> told_notes_;  // by domain
  std::string told_problem_;
};

}  // namespace brim::guard
