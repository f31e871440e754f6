// SPDX-License-Identifier: Apache-2.0
#include "share/live/as_found.h"

#include <algorithm>

#include <fmt/format.h>

namespace brim::share::live {

using study::Settings;

Result<LiveGuestPlan> plan_running(const study::Scenario& scenario, std::size_t number) {
  const study::GuestGroup& group = scenario.guests[number];
  const auto wrong = [number](std::string_view key, const char* what) {
    return fail(ErrorCode::bad_input, what, fmt::format("guests.{}.{}", number, key));
  };
  LiveGuestPlan guest;
  guest.kind = GuestKind::running;
  guest.machine = group.settings.get<std::string>("machine");
  guest.name = guest.machine;
  guest.pause = scenario.live.get<bool>("pause_running");
  if (guest.machine.empty())
    return wrong("machine", "which machine runs already? Its name, or * for all");
  if (!group.load.empty())
    return wrong("load", "a machine that runs already has what it does for a load: name none");
  if (group.count != 1)
    return wrong("count", "what runs already is not multiplied; machine = \"*\" names all of it");
  return guest;
}

Result<void> plan_ksm_as_is(const study::Scenario& scenario, KsmPlan& ksm) {
  if (scenario.mechanism.family != "ksm")
    return fail(
        ErrorCode::bad_input,
        fmt::format("goes with mechanism.policy = \"ksm\", not with {}", scenario.mechanism.family),
        "live.ksm = \"as_is\"");
  const Settings& settings = scenario.mechanism.settings;
  const Settings untouched(settings.parameters());
  for (const study::Parameter& parameter : settings.parameters()) {
    const std::string_view key = parameter.key;
    if (key == "overhead_per_guest" || key == "checksum_first") continue;  // the model's alone
    if (settings.at(key) == untouched.at(key)) continue;
    return fail(ErrorCode::bad_input,
                "live.ksm = \"as_is\" sets nothing: leave this out, or say live.ksm = \"set\"",
                fmt::format("mechanism.{}", key));
  }
  ksm.as_is = true;
  return {};
}

Result<void> check_as_found(const study::Scenario& scenario, const LivePlan& plan) {
  const bool runs_already =
      std::any_of(plan.guests.begin(), plan.guests.end(),
                  [](const LiveGuestPlan& guest) { return guest.kind == GuestKind::running; });
  if (!runs_already && !plan.ksm.as_is) return {};
  const std::string_view what =
      runs_already ? "machines that run already" : "KSM as it is set here";
  if (scenario.study.get<double>("scale") != 1)
    return fail(ErrorCode::bad_input, fmt::format("{} can't be made smaller: it must be 1", what),
                "study.scale");
  if (scenario.live.get<double>("speed") != 1)
    return fail(ErrorCode::bad_input, fmt::format("{} can't be made faster: it must be 1", what),
                "live.speed");
  return {};
}

std::string note_of_running(const LiveGuestPlan& guest) {
  return fmt::format(
      "{}: ran before and goes on after; its memory is read while it runs, each page with the "
      "content it has then{}",
      guest.machine == "*" ? std::string("Each machine of this host") : "Machine " + guest.machine,
      guest.pause ? "; for the last reading it is paused" : "");
}

}  // namespace brim::share::live
