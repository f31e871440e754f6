// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/program_load.h"

#include "base/text.h"
#include "host/child.h"
#include "lab/agent/root_file_system.h"

#include <chrono>
#include <fstream>

namespace brim::lab {
namespace {

constexpr char kErrorLog[] = "/run/brim-load.log";
// The shell only sends errors to the log and becomes the program.
constexpr char kErrorScript[] = R"(exec 2>"$1" && shift && exec "$@")";
// A load is stopped by its user; this only bounds a wait for a program that hangs.
constexpr auto kLongestProgram = std::chrono::hours(24 * 7);

}  // namespace

std::string last_line_in(const std::string& path) {
  std::ifstream file(path);
  std::string last;
  for (std::string line; std::getline(file, line);)
    if (!trim(line).empty()) last = trim(line);
  return last;
}

Result<std::string> run_in_root(const std::vector<std::string>& arguments) {
  std::vector<std::string> words = {"sh", "-c", kErrorScript, "sh", kErrorLog};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto text = host::run_program(words, kLongestProgram);
  if (text) return text;
  Error error = std::move(text).error();
  error.where = arguments.front();
  if (const std::string said = last_line_in(kErrorLog); !said.empty()) error.what += ": " + said;
  return fail(std::move(error));
}

Result<std::string> run_program_load(const Load& load, LoadProgress& progress) {
  BRIM_ASSERT(load.kind != LoadKind::synthetic);
  BRIM_CHECK(enter_root_file_system());
  return load.kind == LoadKind::mariadb ? run_mariadb_load(load.mariadb, progress)
                                        : run_compile_load(load.compile, progress);
}

}  // namespace brim::lab
