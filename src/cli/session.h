// SPDX-License-Identifier: Apache-2.0
#pragma once
// What every command shares: the options all have, and the action the command line chose. main()
// parses, undoes what an interrupted run left on the host, then runs the action.

#include "base/result.h"
#include "report/document.h"

#include <functional>
#include <string>
#include <vector>

namespace CLI {
class App;
}  // namespace CLI

namespace brim::cli {

struct Session {
  std::string root = "/";     // --root: the host's file tree
  std::string store;          // --store; empty: the default place
  std::string typed_command;  // the whole command line, for the run's record
  bool restores = false;      // the action itself undoes what was left, or shows it
  bool shares_work = false;   // under mpirun: by all ranks; else only the first does anything
  // Gives the exit status. Set by the callback of the subcommand that was parsed.
  std::function<Result<int>()> action;
};

// Where and how a document goes out.
struct Output {
  std::string format = "text";  // text, json, csv, html
  std::string file;             // empty: standard output
  std::string table;            // csv: only this table
  bool verbose = false;
};

// Adds --format, --output, --table and --verbose to a command. `output` must outlive the app.
void add_output_options(CLI::App& command, Output& output);

// Writes the document. A file is written beside its place and renamed, so that a reader never sees
// half of it; of a symbolic link it is the target that is replaced. html needs a file or a pipe: it
// is refused on a terminal.
[[nodiscard]] Result<void> write_document(const report::Document& document, const Output& output);
// What write_document() would refuse whatever the document: ask before long work.
[[nodiscard]] Result<void> check_output(const Output& output);
// The whole text to standard output (empty path) or, atomically, to a file.
[[nodiscard]] Result<void> write_text(const std::string& text, const std::string& path);

// Each adds its commands to the program.
void add_share_commands(CLI::App& program, Session& session);
void add_share_plan(CLI::App& area, Session& session);  // share plan
void add_thrash_commands(CLI::App& program, Session& session);
void add_thrash_plan(CLI::App& area, Session& session);  // thrash plan
void add_guard_command(CLI::App& program, Session& session);
void add_run_commands(CLI::App& program, Session& session);    // runs, report, export, compare
void add_study_commands(CLI::App& program, Session& session);  // run
void add_reproduce_command(CLI::App& program, Session& session);
void add_host_commands(CLI::App& program, Session& session);  // doctor, restore
void add_list_command(CLI::App& program, Session& session);
void add_lab_commands(CLI::App& program, Session& session);  // lab prepare

// Every command and option, declared once: main(), the man pages and the completion use this.
void declare_program(CLI::App& program, Session& session);

// "brim 0.1.0 (revision abc)".
[[nodiscard]] std::string version_line();

}  // namespace brim::cli
