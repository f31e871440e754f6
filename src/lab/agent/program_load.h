// SPDX-License-Identifier: Apache-2.0
#pragma once
// The loads that are programs of a guest's root file system:
//   mariadb  a server with InnoDB, and mariadb-slap, an iteration after the other: queries that it
//            makes itself, half of them inserts, half full reads of its table;
//   compile  gcc over a source tree that is the same in every guest, and a link; the program that
//            comes out is run, and must say what the sources say.
// A program that fails ends the load, with its last words.

#include "base/result.h"
#include "lab/agent/load.h"
#include "lab/agent/load_process.h"

#include <cstdint>
#include <string>
#include <vector>

namespace brim::lab {

// In a process that is the first of a pid namespace and has a mount namespace, so that all it
// starts and mounts ends with it. Gives what it got done; comes back also where something fails.
[[nodiscard]] Result<std::string> run_program_load(const Load& load, LoadProgress& progress);

// One file of the source tree, and the file with main(), which prints the number of files. Pure:
// the same numbers give the same text.
[[nodiscard]] std::string compile_source(std::uint64_t file, std::uint64_t functions);
[[nodiscard]] std::string compile_main_source(std::uint64_t files);

// Each of them for the kind it is named after; run_program_load() chooses.
[[nodiscard]] Result<std::string> run_mariadb_load(const MariadbLoad& load, LoadProgress& progress);
[[nodiscard]] Result<std::string> run_compile_load(const CompileLoad& load, LoadProgress& progress);

// A program of the root file system, to its end: what it prints. `io` with its last words where it
// fails.
[[nodiscard]] Result<std::string> run_in_root(const std::vector<std::string>& arguments);

// The last line that says anything; empty where there is none.
[[nodiscard]] std::string last_line_in(const std::string& path);

}  // namespace brim::lab
