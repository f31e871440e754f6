// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/live_control.h"

#include "study/choice_text.h"
#include "thrash/live/fitting_controls.h"
#include "thrash/live/model_controls.h"
#include "thrash/live/peer_controls.h"

#include <algorithm>
#include <utility>

namespace brim::thrash::live {
namespace {

using study::Settings;

// As the model's control of this name has them.
constexpr study::Parameter kRoundRobin[] = {
    {"running", study::ParameterType::count, "processes", "0", "At a time; 0: as many as fit."},
    {"slice", study::ParameterType::duration, "", "2s", "Before the next ones run."},
    {"bulk", study::ParameterType::boolean, "", "false",
     "By the model's rule, which goes by what processes have touched: pages of who stops go out at "
     "once and those of who goes on come in; else by faults, and by the sizes asked for."}};

Result<std::unique_ptr<LiveControl>> make_nobody(const host::Host&, const Settings&) {
  return std::unique_ptr<LiveControl>();
}
Result<std::unique_ptr<LiveControl>> make_round_robin(const host::Host& host,
                                                      const Settings& settings) {
  const auto slice = settings.get<std::chrono::nanoseconds>("slice");
  if (slice < std::chrono::milliseconds(10))
    return fail(ErrorCode::bad_input, "a slice of less than 10 ms", "mechanism.control");
  if (settings.get<bool>("bulk")) return make_model_control("sigstop-round-robin", host, settings);
  return std::make_unique<RoundRobinControl>(slice, settings.get<std::uint64_t>("running"));
}
Result<std::unique_ptr<LiveControl>> make_subset(const host::Host&, const Settings&) {
  return std::make_unique<SubsetControl>();
}

}  // namespace

std::vector<LiveControlPolicy> own_live_controls() {
  std::vector<LiveControlPolicy> all = peer_controls();
  for (LiveControlPolicy& one : model_controls()) all.push_back(std::move(one));
  all.insert(
      all.end(),
      {{{"none", "Nobody controls.", {}}, make_nobody},
       {{"sigstop-round-robin", "As many as fit run, the next ones after each slice.", kRoundRobin},
        make_round_robin},
       {{"subset", "Only the first that fit run at all.", {}}, make_subset}});
  return all;
}

Result<ChosenLiveControl> choose_live_control(std::string_view text,
                                              std::span<const LiveControlPolicy> others,
                                              const std::string& where) {
  std::vector<LiveControlPolicy> all = own_live_controls();
  all.insert(all.end(), others.begin(), others.end());
  std::ranges::sort(all, {}, [](const LiveControlPolicy& one) { return one.family.name; });
  std::vector<study::Family> families;
  families.reserve(all.size());
  for (const LiveControlPolicy& one : all) families.push_back(one.family);
  BRIM_TRY(study::TextChoice choice, study::parse_choice_text(text, families, "control", where));
  return ChosenLiveControl{all.at(choice.place), std::move(choice.settings),
                           std::move(choice.words)};
}

}  // namespace brim::thrash::live
