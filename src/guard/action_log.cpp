// SPDX-License-Identifier: Apache-2.0
#include "guard/action_log.h"

#include "base/json_text.h"
#include "base/printable.h"
#include "base/text.h"

#include <fmt/format.h>

namespace brim::guard {

void ActionLog::tell(std::string_view event, nlohmann::json fields, const std::string& words) {
  const std::string time = iso_time(std::chrono::system_clock::now());
  if (form_ == LogForm::text) return sink_(fmt::format("{} {}", time, printable(words)));
  fields["schema"] = "brim.guard_log/1";
  fields["time"] = time;
  fields["event"] = event;
  fields["area"] = "share";
  sink_(json_line(fields));
}

void ActionLog::started(bool act) {
  tell("started", {{"act", act}},
       act ? "share: watching and acting; what is changed is put back at the end"
           : "share: watching; nothing is changed (--act would)");
}

void ActionLog::phase(const share::tune::SharePlan& plan) {
  const auto& reckoning = plan.reckoning;
  tell("phase",
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
  tell("change",
       {{"knob", change.knob}, {"value", change.value}, {"reason", change.reason}, {"done", done}},
       fmt::format("share: {} {} = {}: {}", done ? "set" : "would set", change.knob, change.value,
                   change.reason));
}

void ActionLog::advice(const share::tune::Advice& advice) {
  tell("advice",
       {{"pid", advice.pid}, {"name", advice.name}, {"reason", advice.reason}, {"how", advice.how}},
       fmt::format("share: {} (pid {}) should not be merged: {}. How: {}", advice.name, advice.pid,
                   advice.reason, advice.how));
}

void ActionLog::restored(const host::Restored& restored) {
  tell(
      "restored",
      {{"path", restored.entry.path},
       {"value", restored.entry.old_value},
       {"outcome", name_of(restored.outcome)},
       {"detail", restored.detail}},
      fmt::format("share: {} to {}: {}{}{}", restored.entry.path, restored.entry.old_value,
                  name_of(restored.outcome), restored.detail.empty() ? "" : ", ", restored.detail));
}

void ActionLog::problem(const Error& error) {
  tell("problem", {{"what", error_line(error)}}, "share: " + error_line(error));
}

}  // namespace brim::guard
