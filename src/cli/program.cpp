// SPDX-License-Identifier: Apache-2.0
#include "cli/session.h"
#include "version_generated.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace brim::cli {

std::string version_line() { return fmt::format("brim {} (revision {})", kVersion, kRevision); }

void declare_program(CLI::App& program, Session& session) {
  program.description(
      "Tells how full a virtualization host can be, and keeps it from spilling over");
  program.require_subcommand(0, 1);
  program.set_version_flag("--version", version_line(), "Show the version and the git revision");
  program
      .add_option("--root", session.root,
                  "Read this file tree instead of the live host's / (a copy of /proc and /sys)")
      ->type_name("DIR");
  program
      .add_option("--store", session.store,
                  "Where runs are kept: a SQLite file or postgresql://... (default: $BRIM_STORE, "
                  "/var/lib/brim/brim.sqlite for root, else ~/.local/state/brim/brim.sqlite)")
      ->type_name("PLACE");
  program.footer(
      "Exit status: 0 done, 1 done but a check fell short, 2 bad input, 3 something needed is "
      "missing\n"
      "here, 130 interrupted.\n"
      "Example:\n"
      "  brim doctor\n"
      "  brim share scan --vms");
  program.fallthrough();
  add_study_commands(program, session);
  add_reproduce_command(program, session);
  add_share_commands(program, session);
  add_thrash_commands(program, session);
  add_guard_command(program, session);
  add_host_commands(program, session);
  add_list_command(program, session);
  add_lab_commands(program, session);
  add_run_commands(program, session);
}

}  // namespace brim::cli
