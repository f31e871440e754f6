// SPDX-License-Identifier: Apache-2.0
// brim: parses the command line, undoes what an interrupted run left, runs the command.
#include "base/text.h"
#include "cli/session.h"
#include "cli/state.h"
#include "cli/typed_command.h"
#include "study/ranks.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <new>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

namespace {

void collect_names(const CLI::App& app, std::vector<std::string>& names) {
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  for (const CLI::App* child : app.get_subcommands([](const CLI::App*) { return true; }))
    names.push_back(child->get_name());
}

// The innermost command that was parsed: its options are what the user could have meant.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

std::string suggestion(const CLI::App& program, int argc, char** argv) {
  std::vector<std::string> names;
  collect_names(innermost(program), names);
  collect_names(program, names);
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (std::find(names.begin(), names.end(), word) != names.end()) continue;
    if (word.rfind("--", 0) != 0 && innermost(program).get_parent() != nullptr &&
        innermost(program).get_subcommands([](const CLI::App*) { return true; }).empty())
      continue;  // a value, not a misspelt command
    if (const auto near = brim::nearest_word(word, names))
      return fmt::format("; did you mean '{}'?", *near);
  }
  return {};
}

int parse_failed(const CLI::App& program, const CLI::ParseError& error, int argc, char** argv) {
  if (error.get_exit_code() == 0) return program.exit(error);  // --help, --version
  std::string what = error.what();
  for (char& c : what) c = c == '\n' ? ' ' : c;
  const bool unknown = dynamic_cast<const CLI::ExtrasError*>(&error) != nullptr ||
                       dynamic_cast<const CLI::RequiredError*>(&error) != nullptr;
  fmt::print(stderr, "brim: {}{}\n", what, unknown ? suggestion(program, argc, argv) : "");
  return 2;
}

// Under mpirun the first rank speaks for all.
bool is_first_rank() {
  const auto launched = brim::study::launched_rank();
  return !launched || launched->rank == 0;
}

int run(int argc, char** argv) {
  CLI::App program;
  program.name("brim");
  brim::cli::Session session;
  session.typed_command = brim::cli::typed_command({argv + std::min(argc, 1), argv + argc});
  brim::cli::declare_program(program, session);
  const bool first = is_first_rank();
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (!first) return error.get_exit_code() == 0 ? 0 : 2;
    return parse_failed(program, error, argc, argv);
  }
  if (!session.action) {
    if (first) fmt::print(stderr, "{}", program.help());
    return 2;
  }
  if (!first && !session.shares_work) return 0;
  if (first && !session.restores) brim::cli::restore_what_was_left(session);
  const brim::Result<int> status = session.action();
  if (status) return *status;
  if (first) fmt::print(stderr, "brim: {}\n", brim::error_line(status.error()));
  return brim::exit_status(status.error().code);
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGCHLD, SIG_DFL);  // inherited as ignored, it would hide how children ended
  try {
    return run(argc, argv);
  } catch (const std::bad_alloc&) {
    std::fputs("brim: out of memory; try fewer subjects or --sample 1%\n", stderr);
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "brim: a bug in brim: {}\n", error.what());
    return 70;
  }
}
