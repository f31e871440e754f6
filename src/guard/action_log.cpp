// SPDX-License-Identifier: Apache-2.0
#include "guard/action_log.h"

#include "base/json_text.h"
#include "base/printable.h"
#include "base/text.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

namespace brim::guard {
namespace {

using thrash::tune::Act;
using thrash::tune::DomainState;

constexpr std::string_view kShare = "share";
constexpr std::string_view kThrash = "thrash";

nlohmann::json or_null(const std::optional<double>& number) {
  return number ? nlohmann::json(*number) : nlohmann::json(nullptr);
}

std::string_view words_of_state(DomainState state) {
  switch (state) {
    case DomainState::calm:
      return "calm";
    case DomainState::watched:
      return "watched closely";
    case DomainState::turns:
      return "taking turns";
  }
  return "calm";
}

std::string_view words_of_act(Act act) {
  switch (act) {
    case Act::freeze:
      return "hold still";
    case Act::page_out:
      return "page out";
    case Act::prefetch:
      return "fetch";
    case Act::thaw:
      return "let go";
  }
  return "let go";
}

}  // namespace

void ActionLog::tell(std::string_view area, std::string_view event, nlohmann::json fields,
                     const std::string& words) {
  const std::string time = iso_time(std::chrono::system_clock::now());
  if (form_ == LogForm::text) return sink_(fmt::format("{} {}", time, printable(words)));
  fields["schema"] = "brim.guard_log/1";
  fields["time"] = time;
  fields["event"] = event;
  fields["area"] = area;
  sink_(json_line(fields));
}

void ActionLog::started(std::string_view area, bool act) {
  tell(area, "started", {{"act", act}},
       fmt::format("{}: {}", area,
                   act ? "watching and acting; what is changed is put back at the end"
                       : "watching; nothing is changed (--act would)"));
}

void ActionLog::phase(const share::tune::SharePlan& plan) {
  const auto& reckoning = plan.reckoning;
  tell(kShare, "phase",
       {{"phase", name_of(plan.phase)},
        {"reason", plan.reason},
        {"new_bytes", reckoning.new_memory.count()},
        {"broken_bytes", reckoning.broken.count()},
        {"expected_gain_bytes", reckoning.gain.count()},
        {"expected_ksmd_seconds", std::chrono::duration<double>(reckoning.cost).count()},
        {"saved_bytes", reckoning.saved.count()},
        {"memory_short", reckoning.memory_short}},
       fmt::format("share: {}: {}", name_of(plan.phase), plan.reason));
}

void ActionLog::change(const share::tune::KnobChange& change, bool done) {
  tell(kShare, "change",
       {{"knob", change.knob}, {"value", change.value}, {"reason", change.reason}, {"done", done}},
       fmt::format("share: {} {} = {}: {}", done ? "set" : "would set", change.knob, change.value,
                   change.reason));
}

void ActionLog::advice(const share::tune::Advice& advice) {
  tell(kShare, "advice",
       {{"pid", advice.pid}, {"name", advice.name}, {"reason", advice.reason}, {"how", advice.how}},
       fmt::format("share: {} (pid {}) should not be merged: {}. How: {}", advice.name, advice.pid,
                   advice.reason, advice.how));
}

void ActionLog::restored(const host::Restored& restored) {
  tell(
      kShare, "restored",
      {{"path", restored.entry.path},
       {"value", restored.entry.old_value},
       {"outcome", name_of(restored.outcome)},
       {"detail", restored.detail}},
      fmt::format("share: {} to {}: {}{}{}", restored.entry.path, restored.entry.old_value,
                  name_of(restored.outcome), restored.detail.empty() ? "" : ", ", restored.detail));
}

void ActionLog::problem(std::string_view area, const Error& error) {
  tell(area, "problem", {{"what", error_line(error)}},
       fmt::format("{}: {}", area, error_line(error)));
}

void ActionLog::domain(const thrash::tune::DomainPlan& plan) {
  const auto& signs = plan.signs;
  tell(kThrash, "domain",
       {{"domain", plan.name},
        {"state", name_of(plan.state)},
        {"reason", plan.reason},
        {"demand_bytes", signs.demand.count()},
        {"room_bytes", signs.room.count()},
        {"stalled_percent", or_null(signs.stalled_percent)},
        {"read_back_per_s", or_null(signs.read_back_per_s)},
        {"progress_percent", or_null(signs.progress_percent)},
        {"groups", plan.groups.size()}},
       fmt::format("thrash: {}: {}: {}", plan.name, words_of_state(plan.state), plan.reason));
}

void ActionLog::action(const thrash::tune::Action& action, const std::vector<std::string>& names,
                       bool done) {
  nlohmann::json tasks = nlohmann::json::array();
  std::vector<std::string> said;
  for (std::size_t i = 0; i < action.tasks.size(); ++i) {
    tasks.push_back({{"pid", action.tasks[i].number}, {"name", names[i]}});
    said.push_back(fmt::format("{} ({})", names[i], action.tasks[i].number));
  }
  tell(kThrash, "action",
       {{"domain", action.domain},
        {"act", name_of(action.act)},
        {"tasks", std::move(tasks)},
        {"reason", action.reason},
        {"done", done}},
       fmt::format("thrash: {}: {}{} {}: {}", action.domain, done ? "" : "would ",
                   words_of_act(action.act), fmt::join(said, ", "), action.reason));
}

void ActionLog::note(const std::string& domain, const std::string& what) {
  tell(kThrash, "note", {{"domain", domain}, {"what", what}},
       fmt::format("thrash: {}: {}", domain, what));
}

void ActionLog::let_go(std::size_t tasks) {
  tell(kThrash, "let_go", {{"tasks", tasks}},
       fmt::format("thrash: {} tasks that stood still go on", tasks));
}

}  // namespace brim::guard
