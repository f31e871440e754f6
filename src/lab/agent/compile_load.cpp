// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "lab/agent/program_load.h"

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

namespace brim::lab {
namespace {

namespace fs = std::filesystem;

constexpr char kSourceTree[] = "/var/tmp/brim-compile";

// A function with the usual things in it: a loop, a switch, a list, memory, text.
constexpr char kFunction[] = R"(
static unsigned long step_{0}(unsigned long x, struct record *list) {{
  char text[32];
  for (unsigned i = 0; i < {1}; ++i) {{
    switch ((x + i) % 5) {{
      case 0: x = x * {2}UL + i; break;
      case 1: x ^= x >> {3}; break;
      case 2: x += list->key * {4}UL; break;
      case 3: list->value = x; x += list->next != NULL ? list->next->value : {5}; break;
      default: x -= (unsigned long)i << {3}; break;
    }}
  }}
  snprintf(text, sizeof text, "%lu", x);
  return x + strlen(text);
}}
)";

Result<void> write_source(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::trunc);
  if (!(file << text << std::flush)) return fail(errno_error(errno, "write", path));
  return {};
}

std::string tree_path(std::string_view name) { return fmt::format("{}/{}", kSourceTree, name); }

Result<void> write_tree(const CompileLoad& load) {
  std::error_code error;
  fs::remove_all(kSourceTree, error);
  fs::create_directories(kSourceTree, error);
  for (std::uint64_t i = 0; i < load.files; ++i)
    BRIM_CHECK(
        write_source(tree_path(fmt::format("file{}.c", i)), compile_source(i, load.functions)));
  return write_source(tree_path("main.c"), compile_main_source(load.files));
}

Result<std::string> compile_one(const std::string& name, LoadProgress& progress) {
  std::string object = tree_path(name + ".o");
  BRIM_CHECK(run_in_root({"gcc", "-O2", "-c", tree_path(name + ".c"), "-o", object}));
  std::error_code error;
  if (fs::file_size(object, error) == 0 || error)
    return fail(ErrorCode::io, "gcc wrote no object file", object);
  ++progress.work;
  return object;
}

// The whole tree, the program, and a run of it.
Result<void> build_tree(const CompileLoad& load, LoadProgress& progress) {
  std::vector<std::string> link = {"gcc", "-o", tree_path("program")};
  for (std::uint64_t i = 0; i < load.files; ++i) {
    BRIM_TRY(std::string object, compile_one(fmt::format("file{}", i), progress));
    link.push_back(std::move(object));
  }
  BRIM_TRY(std::string object, compile_one("main", progress));
  link.push_back(std::move(object));
  BRIM_CHECK(run_in_root(link));
  BRIM_TRY(const std::string said, run_in_root({tree_path("program")}));
  if (trim(said) != std::to_string(load.files))
    return fail(ErrorCode::io, fmt::format("the program said '{}'", trim(said)), link[2]);
  std::error_code ignored;
  for (std::size_t i = 2; i < link.size(); ++i) fs::remove(link[i], ignored);
  return {};
}

}  // namespace

std::string compile_source(std::uint64_t file, std::uint64_t functions) {
  std::string text =
      "#include <stdio.h>\n#include <stdlib.h>\n#include <string.h>\n"
      "struct record { unsigned long key, value; struct record *next; };\n";
  std::string calls;
  for (std::uint64_t i = 0; i < functions; ++i) {
    const std::uint64_t n = file * functions + i;  // another text for each
    text += fmt::format(kFunction, i, 10 + n % 90, 2654435761U + 2 * n, 3 + n % 29, 7 + n, n);
    calls += fmt::format("  x = step_{}(x, list);\n", i);
  }
  return text + fmt::format(
                    "unsigned long file_{}(unsigned long x) {{\n"
                    "  struct record *list = calloc(1, sizeof *list);\n"
                    "  if (list == NULL) abort();\n{}  free(list);\n  return x;\n}}\n",
                    file, calls);
}

std::string compile_main_source(std::uint64_t files) {
  std::string declarations;
  std::string calls;
  for (std::uint64_t i = 0; i < files; ++i) {
    declarations += fmt::format("unsigned long file_{}(unsigned long x);\n", i);
    calls += fmt::format("  x = file_{}(x);\n  ++files;\n", i);
  }
  return fmt::format(
      "#include <stdio.h>\n{}int main(void) {{\n  volatile unsigned long x = 1;\n"
      "  int files = 0;\n{}  printf(\"%d\\n\", files);\n  return 0;\n}}\n",
      declarations, calls);
}

Result<std::string> run_compile_load(const CompileLoad& load, LoadProgress& progress) {
  BRIM_CHECK(write_tree(load));
  progress.filled = true;
  const auto started = std::chrono::steady_clock::now();
  while (load.iterations == 0 || progress.cycles < load.iterations) {
    BRIM_CHECK(build_tree(load, progress));
    ++progress.cycles;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - started;
  return fmt::format("done: {} times {} files, {} object files, {:.1f} s", load.iterations,
                     load.files, progress.work.load(), taken.count());
}

}  // namespace brim::lab
