// SPDX-License-Identifier: Apache-2.0
// brim thrash: page replacement and thrashing.
#include "cli/session.h"
#include "cli/thrash_calibrate.h"
#include "cli/thrash_replay.h"

#include <CLI/CLI.hpp>

namespace brim::cli {

void add_thrash_commands(CLI::App& program, Session& session) {
  CLI::App* area =
      program.add_subcommand("thrash", "Thrashing: which pages leave memory, and what comes of it");
  area->require_subcommand(0, 1);
  area->footer(
      "Example:\n  brim thrash replay --trace pages.txt --trace-format pages --frames 10%");
  add_thrash_replay(*area, session);
  add_thrash_plan(*area, session);
  add_thrash_calibrate(*area, session);
}

}  // namespace brim::cli
