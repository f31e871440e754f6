// SPDX-License-Identifier: Apache-2.0
#include "thrash/tune/thrash_policy.h"

#include "study/scenario.h"

#include <array>

#include <fmt/format.h>

namespace brim::thrash::tune {
namespace {

using study::Parameter;
using study::ParameterType;

// Defaults are assumed, not fitted: thresholds far from both a busy host (a few percent of
// pressure, some refaults after an upgrade) and a thrashing one (tens of percent, hundreds of pages
// a second even from a disk of one seek a page). The slice of 2 s and the bulk transfer are what
// worked on a disk and on zram.
constexpr std::array kThrashParameters = std::to_array<Parameter>({
    {"pressure_percent",
     ParameterType::number,
     "percent",
     "20",
     "Of the time, that some task waited for memory (PSI): less is no thrashing.",
     {},
     0,
     100},
    {"least_read_back_per_s",
     ParameterType::number,
     "pages/s",
     "50",
     "Pages that had been evicted and came back: fewer is no thrashing.",
     {},
     0},
    {"most_progress_percent",
     ParameterType::number,
     "percent",
     "50",
     "Of the processor time that tasks could have had in user mode: more is no thrashing.",
     {},
     0,
     100},
    {"fill_percent",
     ParameterType::number,
     "percent",
     "95",
     "Of the memory, what the tasks that run together may need.",
     {},
     1,
     100},
    {"switch_worth",
     ParameterType::number,
     "times",
     "4",
     "A group runs so many times as long as it took to bring it in.",
     {},
     1,
     1000},
    {"least_slice", ParameterType::duration, "", "2s", "A group runs at least so long at a time."},
    {"shortest_slice", ParameterType::duration, "", "500ms",
     "The same where it must be shorter so that nobody waits longer than most_wait."},
    {"most_wait", ParameterType::duration, "", "30s", "Nothing stands still longer at a time."},
    {"page_out", ParameterType::boolean, "", "true",
     "What stands still goes out at once, and not page by page as others need room."},
    {"prefetch", ParameterType::boolean, "", "true",
     "What is to run comes back at once, and not page by page as it is touched."},
    {"keep_counted", ParameterType::boolean, "", "true",
     "The kernel counts the pages of cgroups at their limit 20 times a second: it may kill "
     "without."},
    {"least_task", ParameterType::size, "", "4MiB", "Smaller tasks are never held still."},
    {"least_shared", ParameterType::size, "", "1MiB",
     "Processes that share so much memory run together."},
    {"link_process_groups", ParameterType::boolean, "", "true",
     "Processes of one process group (a pipeline, a make tree) run together."},
    {"protected", ParameterType::text, "",
     "systemd*,dbus*,sshd*,libvirtd,virtqemud,kubelet,containerd*,dockerd,init,brim,brim-probe",
     "Names of what is never held still, with commas between; '*' and '?' as in a shell."},
    {"interactive", ParameterType::text, "",
     "Xorg,Xwayland,gnome-shell,kwin*,plasmashell,sway,pipewire*,pulseaudio,bash,zsh,fish,tmux*,"
     "screen*",
     "Names of what people wait for: never held still either."},
    {"together", ParameterType::text, "", "",
     "Tasks that wait for each other: 'shop=nginx,php*;db=postgres*'."},
    {"scope", ParameterType::text, "", "",
     "One cgroup to guard; none: the host and each cgroup with a limit of memory."},
    {"look_interval", ParameterType::duration, "", "1s", "Between two looks while all is calm."},
});

ThrashPolicy thrash_policy_from(const study::Settings& settings) {
  using std::chrono::nanoseconds;
  ThrashPolicy policy;
  policy.pressure_percent = settings.get<double>("pressure_percent");
  policy.least_read_back_per_s = settings.get<double>("least_read_back_per_s");
  policy.most_progress_percent = settings.get<double>("most_progress_percent");
  policy.fill_percent = settings.get<double>("fill_percent");
  policy.switch_worth = settings.get<double>("switch_worth");
  policy.least_slice = settings.get<nanoseconds>("least_slice");
  policy.shortest_slice = settings.get<nanoseconds>("shortest_slice");
  policy.most_wait = settings.get<nanoseconds>("most_wait");
  policy.page_out = settings.get<bool>("page_out");
  policy.prefetch = settings.get<bool>("prefetch");
  policy.keep_counted = settings.get<bool>("keep_counted");
  policy.least_task = settings.get<Bytes>("least_task");
  policy.least_shared = settings.get<Bytes>("least_shared");
  policy.link_process_groups = settings.get<bool>("link_process_groups");
  policy.protected_names = listed_names(settings.get<std::string>("protected"));
  policy.interactive_names = listed_names(settings.get<std::string>("interactive"));
  policy.scope = settings.get<std::string>("scope");
  policy.look_interval = settings.get<nanoseconds>("look_interval");
  return policy;
}

Result<void> take_thrash_set(const std::string& text, study::Settings& settings) {
  BRIM_TRY(const study::Override override, study::parse_override(text));
  constexpr std::string_view kTable = "thrash.";
  if (!override.path.starts_with(kTable))
    return fail(ErrorCode::bad_input, "expected thrash.KEY=VALUE", fmt::format("--set {}", text));
  study::ConfigTable table;
  table.members.push_back({override.path.substr(kTable.size()), override.value});
  study::ConfigNode node = override.value;
  node.value = std::move(table);
  return settings.read(node);
}

Result<void> check_times(const ThrashPolicy& policy) {
  const std::array<std::pair<std::string_view, std::chrono::nanoseconds>, 4> times{{
      {"thrash.look_interval", policy.look_interval},
      {"thrash.least_slice", policy.least_slice},
      {"thrash.shortest_slice", policy.shortest_slice},
      {"thrash.most_wait", policy.most_wait},
  }};
  for (const auto& [key, time] : times)
    if (time.count() <= 0)
      return fail(ErrorCode::bad_input, "it must be longer than 0", std::string(key));
  if (policy.shortest_slice > policy.least_slice)
    return fail(ErrorCode::bad_input, "it is longer than thrash.least_slice",
                "thrash.shortest_slice");
  return {};
}

}  // namespace

std::span<const Parameter> thrash_policy_parameters() { return kThrashParameters; }

Result<ThrashPolicy> read_thrash_policy(const ThrashPolicyText& text) {
  study::Settings settings(kThrashParameters);
  if (text.file != nullptr) BRIM_CHECK(settings.read(*text.file));
  for (const std::string& set : text.sets) BRIM_CHECK(take_thrash_set(set, settings));
  ThrashPolicy policy = thrash_policy_from(settings);
  BRIM_CHECK(check_times(policy));
  BRIM_TRY(policy.together, parse_name_groups(settings.get<std::string>("together"),
                                              {"team", "TASK", "thrash.together"}));
  return policy;
}

std::string_view team_of(const ThrashPolicy& policy, const std::string& name) {
  return group_of(policy.together, name);
}

}  // namespace brim::thrash::tune
