// SPDX-License-Identifier: Apache-2.0
// Run by the build: writes the man pages and the completion into a folder.
#include "cli/manual.h"
#include "cli/session.h"

#include <cstdio>
#include <filesystem>
#include <fstream>

#include <CLI/CLI.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fputs("usage: brim-manual FOLDER DATE\n", stderr);
    return 2;
  }
  CLI::App program;
  program.name("brim");
  brim::cli::Session session;
  brim::cli::declare_program(program, session);
  const std::filesystem::path folder = argv[1];
  std::filesystem::create_directories(folder);
  for (const auto& [name, text] : brim::cli::man_pages(program, brim::cli::version_line(), argv[2]))
    std::ofstream(folder / name) << text;
  std::ofstream(folder / "brim.bash") << brim::cli::bash_completion(program);
  return 0;
}
