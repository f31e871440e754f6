// SPDX-License-Identifier: Apache-2.0
// brim guard: watches the host, says what it would do, and with --act does it.
#include "cli/interrupt.h"
#include "cli/policy_options.h"
#include "cli/session.h"
#include "cli/state.h"
#include "guard/share_guard.h"

#include <cstdio>
#include <memory>
#include <optional>

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

Result<int> guard_host(const Session& session, const GuardText& typed) {
  BRIM_TRY(const host::Host host, open_host(session));
  PolicyText policy_text = typed.policy;
  if (!typed.interval.empty()) policy_text.sets.push_back("share.look_interval=" + typed.interval);
  BRIM_TRY(const share::tune::SharePolicy policy, share_policy(host, policy_text));
  BRIM_TRY(guard::ShareReader reader, guard::ShareReader::open(host));
  const StopOnSignal stop;
  guard::ActionLog log(typed.format == "json" ? guard::LogForm::json : guard::LogForm::text,
                       print_line);
  std::optional<host::Journal> journal;
  if (typed.act) {
    BRIM_TRY(const share::tune::ShareSnapshot met, reader.look());  // to know who else is there
    BRIM_TRY(host::Journal opened, journal_to_act(host, reader));
    journal = std::move(opened);
  }
  log.started(typed.act);
  guard::ShareGuard guard(reader, policy, log, journal ? &*journal : nullptr);
  BRIM_CHECK(
      guard::guard_share(guard, log, journal ? &*journal : nullptr, typed.once, stop.cancel()));
  return 0;
}

void declare_guard(CLI::App& command, GuardText& typed) {
  command.add_option("--only", typed.only, "Only these areas, with commas between (default: all)")
      ->delimiter(',')
      ->check(CLI::IsMember({"share"}));
  CLI::Option* advise =
      command.add_flag("--advise", typed.advise, "Only say what would be done (the default)");
  command.add_flag("--act", typed.act, "Do it, and put it back at the end")->excludes(advise);
  command.add_flag("--once", typed.once, "One look, then end")->excludes("--act");
  command
      .add_option("--interval", typed.interval,
                  "Between two looks while nothing happens (share.look_interval)")
      ->type_name("TIME");
  command.add_option("--format", typed.format, "Of the log: text or json, a line an event")
      ->check(CLI::IsMember({"text", "json"}))
      ->capture_default_str();
  declare_policy(command, typed.policy);
  command.footer(
      "Runs until it is stopped; what it changed is put back then, and after a kill by 'brim "
      "restore'\n"
      "or any later brim. Merged memory stays merged.\n"
      "Example:\n  sudo brim guard --once\n  sudo brim guard --only share --act");
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
