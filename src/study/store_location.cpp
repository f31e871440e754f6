// SPDX-License-Identifier: Apache-2.0
#include "study/store_location.h"

#include "base/fd.h"
#include "study/store.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::study {
namespace {

constexpr std::string_view kSqliteHeader{"SQLite format 3\0", 16};  // sqlite.org/fileformat2.html

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): brim never sets it
  return value == nullptr ? std::string() : value;
}

Result<void> make_directories(const std::filesystem::path& directory) {
  std::filesystem::path made;
  for (const std::filesystem::path& part : directory) {
    made /= part;
    if (::mkdir(made.c_str(), 0700) == 0 || errno == EEXIST) continue;
    const int mkdir_error = errno;
    struct stat status {};
    if (::stat(made.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
    return fail(errno_error(mkdir_error, "make the store's directory", made.string()));
  }
  return {};
}

Result<void> check_header(const Fd& file, const std::string& path) {
  std::array<char, kSqliteHeader.size()> header{};
  const ssize_t got = ::pread(file.get(), header.data(), header.size(), 0);
  if (got < 0) return fail(errno_error(errno, "read the store", path));
  const std::string_view seen(header.data(), static_cast<std::size_t>(got));
  if (seen.empty() || seen == kSqliteHeader) return {};
  return fail(ErrorCode::bad_input, "not a brim store: it does not begin like an SQLite file",
              path);
}

}  // namespace

bool is_postgresql(const std::string& location) {
  return location.starts_with("postgresql://") || location.starts_with("postgres://");
}

std::string without_password(const std::string& location) {
  if (!is_postgresql(location)) return location;
  std::string shown = location;
  const std::size_t begin = shown.find("//") + 2;
  const std::size_t end = std::min(shown.find_first_of("/?", begin), shown.size());
  const std::size_t at = shown.substr(0, end).rfind('@');
  if (at != std::string::npos && at > begin) {
    const std::size_t colon = shown.find(':', begin);
    if (colon < at) shown.erase(colon, at - colon);
  }
  for (const std::string_view key :
       {"?password=", "&password=", "?sslpassword=", "&sslpassword="}) {
    const std::size_t found = shown.find(key);
    if (found == std::string::npos) continue;
    const std::size_t value = found + key.size();
    shown.replace(value, std::min(shown.find('&', value), shown.size()) - value, "***");
  }
  return shown;
}

std::string with_connect_timeout(std::string location) {
  if (location.find("connect_timeout=") != std::string::npos) return location;
  location += location.find('?') == std::string::npos ? '?' : '&';
  return location + "connect_timeout=10";
}

Result<std::string> prepare_file(const std::string& path) {
  if (path.empty()) return fail(ErrorCode::bad_input, "the store's path is empty");
  std::error_code unknown;
  const std::filesystem::path absolute = std::filesystem::absolute(path, unknown);
  if (unknown) return fail(errno_error(unknown.value(), "find the store", path));
  const std::string text = absolute.lexically_normal().string();
  // SOCI takes "key=value" pairs in the place of a plain path, and has no way to write a quote.
  if (text.find('=') != std::string::npos && text.find('"') != std::string::npos)
    return fail(ErrorCode::bad_input, "a store's path can't hold both '=' and '\"'", text);
  BRIM_CHECK(make_directories(absolute.parent_path()));
  struct stat status {};
  if (::stat(text.c_str(), &status) == 0 && !S_ISREG(status.st_mode))
    return fail(ErrorCode::bad_input,
                S_ISDIR(status.st_mode) ? "a directory, where the store should be a file"
                                        : "not a regular file",
                text);
  const Fd file(::open(text.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600));
  if (!file) return fail(errno_error(errno, "open the store for reading and writing", text));
  BRIM_CHECK(check_header(file, text));
  return text;
}

std::string Store::default_location() {
  if (std::string named = environment("BRIM_STORE"); !named.empty()) return named;
  if (::geteuid() == 0) return "/var/lib/brim/brim.sqlite";
  std::string state = environment("XDG_STATE_HOME");
  // The XDG base directory specification: a relative path is to be ignored.
  if (!state.starts_with('/')) state = environment("HOME") + "/.local/state";
  return state + "/brim/brim.sqlite";
}

}  // namespace brim::study
