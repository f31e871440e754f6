// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/thrash_controls.h"

#include "study/choice_text.h"
#include "thrash/model/control_earlyoom.h"
#include "thrash/model/control_freebsd_suspension.h"
#include "thrash/model/control_medium_term_scheduler.h"
#include "thrash/model/control_multiprogramming_level.h"
#include "thrash/model/control_nohang.h"
#include "thrash/model/control_sigstop_round_robin.h"
#include "thrash/model/control_solaris_swapping.h"
#include "thrash/model/control_subset.h"
#include "thrash/model/control_swap_token.h"
#include "thrash/model/control_tpf.h"

#include <algorithm>
#include <array>
#include <utility>

namespace brim::thrash::model {
namespace {

using std::chrono::nanoseconds;
using study::Parameter;
using study::Settings;
using Type = study::ParameterType;

constexpr std::array kEarlyoom = std::to_array<Parameter>({
    {"memory", Type::number, "percent", "10", "Available, at or below which it acts (-m).", "", 1,
     100},
    {"swap", Type::number, "percent", "100",
     "Free, at or below which it acts (-s); the program's default is 10.", "", 0, 100},
});
constexpr std::array kFreeBsdSuspension = std::to_array<Parameter>({
    {"suspension", Type::duration, "", "20s", "How long a process is held back (FreeBSD)."},
    {"interval", Type::duration, "", "5s", "Between two looks; assumed.", {}, 1e-9},
    {"requests", Type::number, "1/s", "30", "Major faults from which the rate is high; assumed."},
});
constexpr Parameter kBulk{
    "bulk", Type::boolean, "", "false",
    "Pages of who stops go out at once and those of who goes on come in; else by faults."};
constexpr std::array kMediumTermScheduler = std::to_array<Parameter>({
    {"shortest_slice", Type::duration, "", "500ms", "Of a group (the paper's)."},
    {"longest_slice", Type::duration, "", "1s", "Of the largest group (the paper's)."},
    {"interactive_share", Type::fraction, "", "0.5",
     "Of each slice in which interactive processes run; assumed."},
    kBulk,
});
constexpr std::array kMultiprogrammingLevel = std::to_array<Parameter>({
    {"interval", Type::duration, "", "1s", "Between two looks; assumed."},
    {"settle", Type::duration, "", "5s", "After a change, before the next; assumed."},
    {"patience", Type::duration, "", "30s",
     "Without too much paging, after which one comes back that does not fit; assumed."},
    {"paging", Type::fraction, "", "0.1", "Of the time, below which paging is not much; assumed."},
});
constexpr std::array kNohang = std::to_array<Parameter>({
    {"soft", Type::number, "%", "10",
     "Pressure (full avg10) from which the largest gets SIGTERM; the program's default is 40.", "",
     1, 100},
    {"hard", Type::number, "%", "90", "From which it gets SIGKILL; the program's default.", "", 1,
     100},
    {"excess", Type::duration, "", "2s",
     "How long pressure has been so high before; the program's default is 30s."},
    {"pause", Type::duration, "", "10s",
     "Since it last acted; the program's default is 15s, and its least 10s.", "", 10},
});
constexpr std::array kSigstopRoundRobin = std::to_array<Parameter>({
    {"running", Type::count, "processes", "0", "At a time; 0: as many as fit."},
    {"slice", Type::duration, "", "2s", "Before the next run; that of live comparisons."},
    kBulk,
});
constexpr std::array kSolarisSwapping = std::to_array<Parameter>({
    {"idle", Type::duration, "", "20s", "After which a process can go out first (maxslp)."},
    {"paging", Type::number, "pages/s", "40",
     "In and out, above which one that is not idle goes out (maxpgio)."},
    {"longest_out", Type::duration, "", "60s", "After which one comes back, room or not; assumed."},
});
constexpr std::array kSwapToken = std::to_array<Parameter>({
    {"timeout", Type::duration, "", "300s",
     "How long one that still faults can have it (swap_token_default_timeout); 0: no token."},
    {"check", Type::duration, "", "2s", "Between two hand-overs (SWAP_TOKEN_CHECK_INTERVAL)."},
    {"rule", Type::choice, "", "time", "Of Linux to 2.6.19, or from 2.6.20.", "priority,time"},
});
constexpr std::array kTpf = std::to_array<Parameter>({
    {"cpu_low", Type::fraction, "", "0.4", "Processor use, below which it monitors (CPU_L)."},
    {"cpu_high", Type::fraction, "", "0.8", "Above which it protects no longer (CPU_H)."},
    {"faults_low", Type::number, "1/s", "10",
     "Major faults below which one needs no protection (PF_L)."},
    {"faults_high", Type::number, "1/s", "20", "Above which a process faults much (PF_H)."},
    {"interval", Type::duration, "", "1s", "Between two looks; assumed."},
});

Moving moving_of(const Settings& settings) {
  return settings.get<bool>("bulk") ? Moving::in_bulk : Moving::by_faults;
}

using Control = std::unique_ptr<ThrashControl>;

Control make_earlyoom(const ControlledMachine& machine, const Settings& settings) {
  return std::make_unique<Earlyoom>(
      EarlyoomKnobs{.memory = settings.get<double>("memory"), .swap = settings.get<double>("swap")},
      machine.frames, machine.slots);
}
Control make_freebsd_suspension(const ControlledMachine&, const Settings& settings) {
  return std::make_unique<FreeBsdSuspension>(
      FreeBsdSuspensionKnobs{.suspension = settings.get<nanoseconds>("suspension"),
                             .interval = settings.get<nanoseconds>("interval"),
                             .requests = settings.get<double>("requests")});
}
Control make_medium_term_scheduler(const ControlledMachine& machine, const Settings& settings) {
  return std::make_unique<MediumTermScheduler>(
      MediumTermSchedulerKnobs{.shortest_slice = settings.get<nanoseconds>("shortest_slice"),
                               .longest_slice = settings.get<nanoseconds>("longest_slice"),
                               .interactive_share = settings.get<double>("interactive_share"),
                               .moving = moving_of(settings)},
      machine.frames, machine.interactive);
}
Control make_multiprogramming_level(const ControlledMachine&, const Settings& settings) {
  return std::make_unique<MultiprogrammingLevel>(
      MultiprogrammingLevelKnobs{.interval = settings.get<nanoseconds>("interval"),
                                 .settle = settings.get<nanoseconds>("settle"),
                                 .patience = settings.get<nanoseconds>("patience"),
                                 .paging = settings.get<double>("paging")});
}
Control make_nohang(const ControlledMachine& machine, const Settings& settings) {
  return std::make_unique<Nohang>(NohangKnobs{.soft = settings.get<double>("soft"),
                                              .hard = settings.get<double>("hard"),
                                              .excess = settings.get<nanoseconds>("excess"),
                                              .pause = settings.get<nanoseconds>("pause")},
                                  machine.frames, machine.processors);
}
Control make_none(const ControlledMachine&, const Settings&) { return nullptr; }
Control make_sigstop_round_robin(const ControlledMachine& machine, const Settings& settings) {
  return std::make_unique<SigstopRoundRobin>(
      SigstopRoundRobinKnobs{.running = settings.get<std::uint64_t>("running"),
                             .slice = settings.get<nanoseconds>("slice"),
                             .moving = moving_of(settings)},
      machine.frames);
}
Control make_solaris_swapping(const ControlledMachine&, const Settings& settings) {
  return std::make_unique<SolarisSwapping>(
      SolarisSwappingKnobs{.idle = settings.get<nanoseconds>("idle"),
                           .paging = settings.get<double>("paging"),
                           .longest_out = settings.get<nanoseconds>("longest_out")});
}
Control make_subset(const ControlledMachine& machine, const Settings&) {
  return std::make_unique<Subset>(machine.frames, machine.asked);
}
Control make_swap_token(const ControlledMachine&, const Settings& settings) {
  const bool by_time = settings.get<std::string>("rule") == "time";
  return std::make_unique<SwapToken>(
      SwapTokenKnobs{.timeout = settings.get<nanoseconds>("timeout"),
                     .check = settings.get<nanoseconds>("check"),
                     .rule = by_time ? SwapTokenRule::time : SwapTokenRule::priority});
}
Control make_tpf(const ControlledMachine&, const Settings& settings) {
  return std::make_unique<Tpf>(TpfKnobs{.cpu_low = settings.get<double>("cpu_low"),
                                        .cpu_high = settings.get<double>("cpu_high"),
                                        .faults_low = settings.get<double>("faults_low"),
                                        .faults_high = settings.get<double>("faults_high"),
                                        .interval = settings.get<nanoseconds>("interval")});
}

constexpr std::array kControls = std::to_array<ControlPolicy>({
    {{"brim", "brim's own thrash guard: groups that fit run in turns.", {}}, nullptr},
    {{"earlyoom", "The largest process is killed while little memory is available (earlyoom 1.7).",
      kEarlyoom},
     make_earlyoom},
    {{"freebsd-suspension",
      "The last that ran is held back for 20 s, with its pages, while paging is high (FreeBSD 7).",
      kFreeBsdSuspension},
     make_freebsd_suspension},
    {{"medium-term-scheduler",
      "Groups that fit in memory run in turns of 0.5 to 1 s (Reuven and Wiseman 2006).",
      kMediumTermScheduler},
     make_medium_term_scheduler},
    {{"multiprogramming-level",
      "Fewer processes run while paging takes more time than work (L = S, Denning 1976).",
      kMultiprogrammingLevel},
     make_multiprogramming_level},
    {{"nohang", "The largest process is killed while memory pressure is high (nohang 0.2.0).",
      kNohang},
     make_nohang},
    {{"none", "Nobody controls.", {}}, make_none},
    {{"sigstop-round-robin", "All but a few processes are stopped, in turns.", kSigstopRoundRobin},
     make_sigstop_round_robin},
    {{"solaris-swapping",
      "Idle processes' pages go out first, then whole processes stop and go out (Solaris).",
      kSolarisSwapping},
     make_solaris_swapping},
    {{"subset", "Only the first that fit run at all: the bound of comparisons.", {}}, make_subset},
    {{"swap-token", "Reclaim spares one process at a time (Linux 2.6; Jiang and Zhang 2005).",
      kSwapToken},
     make_swap_token},
    {{"tpf",
      "One process is protected while processors idle and several fault (Jiang and Zhang 2001).",
      kTpf},
     make_tpf},
});
static_assert(std::ranges::is_sorted(kControls, {},
                                     [](const auto& control) { return control.family.name; }));

}  // namespace

std::span<const ControlPolicy> thrash_controls() { return kControls; }

Result<ChosenControl> choose_control(std::string_view text, const std::string& where) {
  std::vector<study::Family> families;
  families.reserve(kControls.size());
  for (const ControlPolicy& control : kControls) families.push_back(control.family);
  BRIM_TRY(study::TextChoice choice, study::parse_choice_text(text, families, "control", where));
  return ChosenControl{&kControls.at(choice.place), std::move(choice.settings),
                       std::move(choice.words)};
}

}  // namespace brim::thrash::model
