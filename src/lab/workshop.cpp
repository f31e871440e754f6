// SPDX-License-Identifier: Apache-2.0
#include "lab/workshop.h"

#include "base/text.h"
#include "host/child.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::lab {
namespace {

// The shell only opens the log and becomes the program.
constexpr char kShellScript[] = R"(cd "$1" && exec >"$2" 2>&1 && shift 2 && exec "$@")";

std::string log_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// What a program says last is usually why it gave up; apt marks it with "E:".
std::string last_words(const std::string& text) {
  std::string last;
  std::string marked;
  for (const std::string_view line : split(text, '\n')) {
    if (trim(line).empty()) continue;
    last = trim(line);
    if (last.starts_with("E:") && marked.empty()) marked = last;
  }
  return marked.empty() ? last : marked;
}

}  // namespace

Result<std::string> Workshop::run(const std::vector<std::string>& arguments,
                                  std::chrono::milliseconds timeout) const {
  const std::string log = path("log");
  std::vector<std::string> words = {"sh", "-c", kShellScript, "sh", directory_, log};
  words.insert(words.end(), arguments.begin(), arguments.end());
  auto done = host::run_program(words, timeout);
  std::string text = log_text(log);
  if (done) return text;
  Error error = std::move(done).error();
  error.where = arguments.front();
  if (const std::string words_left = last_words(text); !words_left.empty())
    error.what += ": " + words_left;
  return fail(std::move(error));
}

bool on_path(const std::string& program) {
  const char* path = std::getenv("PATH");
  for (const std::string_view folder : split(path != nullptr ? path : "", ':'))
    if (::access(fmt::format("{}/{}", folder, program).c_str(), X_OK) == 0) return true;
  return false;
}

void add_system_programs_to_path() {
  const char* path = std::getenv("PATH");
  ::setenv("PATH", fmt::format("{}:/usr/sbin:/sbin", path != nullptr ? path : "/bin").c_str(), 1);
}

}  // namespace brim::lab
