// SPDX-License-Identifier: Apache-2.0
// How documents leave the program.
#include "base/fd.h"
#include "base/progress.h"
#include "cli/session.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>

#include <CLI/CLI.hpp>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::cli {
namespace {

Result<void> write_all(int fd, std::string_view text, const std::string& where) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return fail(errno_error(errno, "write", where));
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_file_atomically(const std::string& text, const std::string& path) {
  struct stat present {};
  if (::stat(path.c_str(), &present) == 0 && !S_ISREG(present.st_mode)) {
    Fd existing(::open(path.c_str(), O_WRONLY | O_CLOEXEC));  // a device or a pipe: write into it
    if (!existing) return fail(named_by_user(errno_error(errno, "open for writing", path)));
    return write_all(existing.get(), text, path);
  }
  const std::string temporary = fmt::format("{}.{}.part", path, ::getpid());
  Fd file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return fail(named_by_user(errno_error(errno, "create", path)));
  Result<void> done = write_all(file.get(), text, path);
  if (done && ::fsync(file.get()) != 0 && errno != EINVAL)
    done = fail(errno_error(errno, "write", path));
  if (done && ::rename(temporary.c_str(), path.c_str()) != 0)
    done = fail(errno_error(errno, "rename into place", path));
  if (!done) ::unlink(temporary.c_str());
  return done;
}

bool wants_colour() { return is_terminal(stdout) && std::getenv("NO_COLOR") == nullptr; }

Result<std::string> rendered(const report::Document& document, const Output& output) {
  if (output.format == "json") return report::to_json(document);
  if (output.format == "html") return report::to_html(document);
  if (output.format == "csv") {
    bool found = output.table.empty();
    std::string known;
    for (const report::Section& section : document.sections) {
      for (const report::Table& table : section.tables) {
        found = found || table.id == output.table;
        known += (known.empty() ? "" : ", ") + table.id;
      }
    }
    if (!found)
      return fail(ErrorCode::bad_input,
                  fmt::format("no table '{}'; tables: {}", output.table, known), "--table");
    return report::to_csv(document, output.table);
  }
  report::TextOptions options;
  options.columns = output.file.empty() ? terminal_columns(stdout, 100) : 100;
  options.verbose = output.verbose;
  options.colour = output.file.empty() && wants_colour();
  return report::to_text(document, options);
}

}  // namespace

void add_output_options(CLI::App& command, Output& output) {
  command.add_option("--format", output.format, "How to write the result: text, json, csv or html")
      ->check(CLI::IsMember({"text", "json", "csv", "html"}))
      ->capture_default_str();
  command.add_option("-o,--output", output.file, "Write to this file instead of standard output")
      ->type_name("FILE");
  command.add_option("--table", output.table, "With --format csv: only this table")
      ->type_name("ID");
  command.add_flag("-v,--verbose", output.verbose, "Text: show the detailed sections too");
}

Result<void> write_text(const std::string& text, const std::string& path) {
  if (!path.empty()) return write_file_atomically(text, path);
  return write_all(STDOUT_FILENO, text, "standard output");
}

Result<void> write_document(const report::Document& document, const Output& output) {
  if (output.format == "html" && output.file.empty() && is_terminal(stdout))
    return fail(ErrorCode::bad_input, "an HTML report needs --output FILE or a pipe", "--format");
  BRIM_TRY(const std::string text, rendered(document, output));
  return write_text(text, output.file);
}

}  // namespace brim::cli
