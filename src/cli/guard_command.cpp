// SPDX-License-Identifier: Apache-2.0
// brim guard: watches the host, says what it would do, and with --act does it.
#include "cli/interrupt.h"
#include "cli/policy_options.h"
#include "cli/session.h"
#include "cli/state.h"
#include "guard/guard_loop.h"
#include "guard/share_guard.h"
#include "guard/thrash_guard.h"

#include <algorithm>
#include <cstdio>
#include <memory>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::cli {
namespace {

struct GuardText {
  PolicyText policy;
  std::vector<std::string> only;
  bool advise = false;
  bool act = false;
  bool once = false;
  std::string interval;
  std::string scope;
  std::string format = "text";
};

// A line at a time, so that whoever follows the log sees it at once.
void print_line(const std::string& line) {
  fmt::print("{}\n", line);
  (void)std::fflush(stdout);
}

Result<host::Journal> journal_to_act(const host::Host& host, const guard::ShareReader& reader) {
  if (host.live() && ::geteuid() != 0)
    return fail(ErrorCode::denied, "only root may set KSM's knobs", "--act");
  if (reader.rival())
    return fail(ErrorCode::denied,
                fmt::format("{} sets KSM's knobs, too; stop it first", *reader.rival()), "--act");
  BRIM_TRY(const std::string directory, journal_directory(host));
  return host::Journal::open(host, directory);
}

// What each area needs as long as it runs. Areas don't move: their parts refer to each other.
struct ShareArea {
  share::tune::SharePolicy policy;
  std::optional<guard::ShareReader> reader;
  std::optional<host::Journal> journal;
  std::optional<guard::ShareGuard> guard;
};
struct ThrashArea {
  thrash::tune::ThrashPolicy policy;
  std::optional<guard::ThrashReader> reader;
  std::optional<host::HeldTasks> held;
  std::optional<guard::ThrashGuard> guard;
};

Result<void> open_share(const host::Host& host, const GuardText& typed, guard::ActionLog& log,
                        ShareArea& area) {
  PolicyText text = policy_of_area(typed.policy, "share");
  if (!typed.interval.empty()) text.sets.push_back("share.look_interval=" + typed.interval);
  BRIM_TRY(area.policy, share_policy(host, text));
  BRIM_TRY(guard::ShareReader reader, guard::ShareReader::open(host));
  area.reader.emplace(std::move(reader));
  if (typed.act) {
    BRIM_TRY(const share::tune::ShareSnapshot met, area.reader->look());  // who else is there
    BRIM_TRY(host::Journal opened, journal_to_act(host, *area.reader));
    area.journal.emplace(std::move(opened));
  }
  area.guard.emplace(*area.reader, area.policy, log, area.journal ? &*area.journal : nullptr);
  log.started("share", typed.act);
  return {};
}

Result<void> open_thrash(const host::Host& host, const GuardText& typed, guard::ActionLog& log,
                         ThrashArea& area) {
  PolicyText text = policy_of_area(typed.policy, "thrash");
  if (!typed.interval.empty()) text.sets.push_back("thrash.look_interval=" + typed.interval);
  if (!typed.scope.empty()) text.sets.push_back("thrash.scope=" + typed.scope);
  BRIM_TRY(area.policy, thrash_policy(text));
  BRIM_TRY(guard::ThrashReader reader, guard::ThrashReader::open(host, area.policy));
  area.reader.emplace(std::move(reader));
  if (typed.act) {
    if (host.live() && ::geteuid() != 0)
      return fail(ErrorCode::denied, "only root may hold others' tasks still", "--act");
    BRIM_TRY(const std::string records, hold_records_directory(host));
    BRIM_TRY(host::HeldTasks held, host::HeldTasks::open(host, records));
    area.held.emplace(std::move(held));
  }
  area.guard.emplace(host, *area.reader, area.policy, log, area.held ? &*area.held : nullptr);
  log.started("thrash", typed.act);
  return {};
}

// Areas that were not asked for by name may be missing here: that is told, and the others run.
Result<void> check_opened(const Result<void>& opened, std::string_view area, bool named,
                          guard::ActionLog& log) {
  if (opened) return {};
  if (named || opened.error().code != ErrorCode::missing) return fail(opened.error());
  log.problem(area, opened.error());
  return {};
}

Result<int> guard_host(const Session& session, const GuardText& typed) {
  BRIM_TRY(const host::Host host, open_host(session));
  const StopOnSignal stop;
  guard::ActionLog log(typed.format == "json" ? guard::LogForm::json : guard::LogForm::text,
                       print_line);
  const auto wanted = [&typed](std::string_view area) {
    return typed.only.empty() ||
           std::find(typed.only.begin(), typed.only.end(), area) != typed.only.end();
  };
  const bool named = !typed.only.empty();
  ShareArea share;
  ThrashArea thrash;
  if (wanted("share"))
    BRIM_CHECK(check_opened(open_share(host, typed, log, share), "share", named, log));
  if (wanted("thrash"))
    BRIM_CHECK(check_opened(open_thrash(host, typed, log, thrash), "thrash", named, log));
  std::vector<guard::GuardedArea*> areas;
  if (share.guard) areas.push_back(&*share.guard);
  if (thrash.guard) areas.push_back(&*thrash.guard);
  if (areas.empty()) return fail(ErrorCode::missing, "nothing that can be guarded is here");
  BRIM_CHECK(guard::run_areas(areas, typed.once, stop.cancel()));
  return 0;
}

void declare_guard(CLI::App& command, GuardText& typed) {
  command.add_option("--only", typed.only, "Only these areas, with commas between (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember({"share", "thrash"}));
  CLI::Option* advise =
      command.add_flag("--advise", typed.advise, "Only say what would be done (the default)");
  command.add_flag("--act", typed.act, "Do it, and put it back at the end")->excludes(advise);
  command.add_flag("--once", typed.once, "One look, then end")->excludes("--act");
  command
      .add_option("--interval", typed.interval,
                  "Between two looks while nothing happens (each area's look_interval)")
      ->type_name("TIME");
  command
      .add_option("--scope", typed.scope,
                  "Against thrashing, guard this cgroup alone (thrash.scope)")
      ->type_name("CGROUP");
  command.add_option("--format", typed.format, "Of the log: text or json, a line an event")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  declare_policy(command, typed.policy);
  command.footer(
      "Runs until it is stopped; what it changed is put back then, and after a kill by 'brim "
      "restore'\n"
      "or any later brim. Merged memory stays merged. What is held still goes on at once, also "
      "after "
      "a kill.\n"
      "Example:\n  sudo brim guard --once\n  sudo brim guard --only share,thrash --act");
}

}  // namespace

void add_guard_command(CLI::App& program, Session& session) {
  CLI::App* command = program.add_subcommand(
      "guard", "Watch this host; say, or do, what keeps it from wasting or spilling memory");
  auto typed = std::make_shared<GuardText>();
  declare_guard(*command, *typed);
  command->callback([&session, typed] {
    session.action = [&session, typed] { return guard_host(session, *typed); };
  });
}

}  // namespace brim::cli
