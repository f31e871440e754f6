// SPDX-License-Identifier: Apache-2.0
// How documents leave the program.
#include "base/fd.h"
#include "base/progress.h"
#include "cli/session.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

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

// Where a chain of symbolic links ends, whether anything is there or not.
Result<std::string> link_target(const std::string& path) {
  constexpr int kMostLinks = 40;  // as the kernel's own limit, path_resolution(7)
  std::filesystem::path target = path;
  std::error_code no_link;
  for (int links = 0; links < kMostLinks; ++links) {
    const auto next = std::filesystem::read_symlink(target, no_link);
    if (no_link) return target.string();
    target = target.parent_path() / next;
  }
  return fail(ErrorCode::bad_input, "too many symbolic links", path);
}

// The type of the file there (S_IFMT); that of a regular file where there is none.
mode_t file_type(const std::string& path) {
  struct stat present {};
  return ::stat(path.c_str(), &present) == 0 ? present.st_mode & S_IFMT : S_IFREG;
}

// A device or a pipe: written into, not replaced.
Result<Fd> open_special(const std::string& path) {
  Fd existing(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!existing) return fail(named_by_user(errno_error(errno, "open for writing", path)));
  return existing;
}

std::string temporary_name(const std::string& target) {
  return fmt::format("{}.{}.part", target, ::getpid());
}

Result<Fd> create_temporary(const std::string& target) {
  Fd file(::open(temporary_name(target).c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644));
  if (!file) return fail(named_by_user(errno_error(errno, "create", target)));
  return file;
}

Result<void> write_file_atomically(const std::string& text, const std::string& path) {
  if (file_type(path) != S_IFREG) {
    BRIM_TRY(const Fd existing, open_special(path));
    return write_all(existing.get(), text, path);
  }
  BRIM_TRY(const std::string target, link_target(path));
  BRIM_TRY(const Fd file, create_temporary(target));
  Result<void> done = write_all(file.get(), text, path);
  if (done && ::fsync(file.get()) != 0 && errno != EINVAL)
    done = fail(errno_error(errno, "write", path));
  if (done && ::rename(temporary_name(target).c_str(), target.c_str()) != 0)
    done = fail(errno_error(errno, "rename into place", path));
  if (!done) ::unlink(temporary_name(target).c_str());
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

Result<void> check_output(const Output& output) {
  if (!output.table.empty() && output.format != "csv")
    return fail(ErrorCode::bad_input, "goes with --format csv", "--table");
  if (output.file.empty()) {
    if (output.format == "html" && is_terminal(stdout))
      return fail(ErrorCode::bad_input, "an HTML report needs --output FILE or a pipe", "--format");
    return {};
  }
  const mode_t type = file_type(output.file);
  if (type == S_IFIFO) return {};  // opened and closed, it would end its reader's reading
  if (type != S_IFREG) {
    BRIM_CHECK(open_special(output.file));
    return {};
  }
  BRIM_TRY(const std::string target, link_target(output.file));
  BRIM_CHECK(create_temporary(target));
  ::unlink(temporary_name(target).c_str());
  return {};
}

Result<void> write_document(const report::Document& document, const Output& output) {
  BRIM_CHECK(check_output(output));
  BRIM_TRY(const std::string text, rendered(document, output));
  return write_text(text, output.file);
}

}  // namespace brim::cli
