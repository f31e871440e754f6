// SPDX-License-Identifier: Apache-2.0
#include "host/host.h"

#include "base/text.h"
#include "host/files.h"

#include <algorithm>
#include <cerrno>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

bool same_directory(int fd, const char* path) {
  struct stat a {};
  struct stat b {};
  return ::fstat(fd, &a) == 0 && ::stat(path, &b) == 0 && a.st_dev == b.st_dev &&
         a.st_ino == b.st_ino;
}

}  // namespace

Result<Host> Host::open(const std::string& root) {
  if (root.empty()) return fail(ErrorCode::bad_input, "no root directory given for the host");
  Host host;
  host.directory_ = Fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!host.directory_) return fail(errno_error(errno, "open the host's root directory", root));
  host.live_ = same_directory(host.directory_.get(), "/");
  host.root_ = host.live_ ? "/" : root;
  while (host.root_.size() > 1 && host.root_.ends_with('/')) host.root_.pop_back();
  return host;
}

std::string Host::place(std::string_view path) const {
  return live_ ? std::string(path) : fmt::format("{}{}", root_, path);
}

Result<Fd> Host::open_file(std::string_view path, int flags) const {
  if (!path.starts_with('/') || path.find('\0') != std::string_view::npos)
    return fail(ErrorCode::bad_input, "not an absolute path on the host", std::string(path));
  const std::string name(path);
  int fd = -1;
  do {
    fd = live_ ? ::open(name.c_str(), flags | O_CLOEXEC)
               : open_confined(directory_.get(), name, flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) return fail(errno_error(errno, "open", place(path)));
  return Fd(fd);
}

Result<std::string> Host::read_file(std::string_view path) const {
  BRIM_TRY(const Fd file, open_file(path, O_RDONLY));
  return read_to_end(file.get(), place(path));
}

Result<std::string> Host::read_value(std::string_view path) const {
  BRIM_TRY(const std::string text, read_file(path));
  return std::string(trim(text));
}

Result<std::uint64_t> Host::read_number(std::string_view path) const {
  BRIM_TRY(const std::string text, read_value(path));
  const std::optional<std::uint64_t> number = parse_number(text);
  if (!number)
    return fail(ErrorCode::io,
                fmt::format("holds '{}', expected a whole number", text.substr(0, 40)),
                place(path));
  return *number;
}

Result<void> Host::write_file(std::string_view path, std::string_view text) const {
  // O_TRUNC as a shell's `>`: sysfs and cgroupfs ignore it, a fixture's regular file needs it.
  BRIM_TRY(const Fd file, open_file(path, O_WRONLY | O_TRUNC));
  ssize_t wrote = -1;
  do {
    wrote = ::write(file.get(), text.data(), text.size());
  } while (wrote < 0 && errno == EINTR);
  const std::string tried = fmt::format("write '{}'", trim(text).substr(0, 80));
  if (wrote < 0) return fail(errno_error(errno, tried, place(path)));
  if (static_cast<std::size_t>(wrote) != text.size())
    return fail(ErrorCode::io,
                fmt::format("{}: only {} of {} bytes were taken", tried, wrote, text.size()),
                place(path));
  return {};
}

bool Host::exists(std::string_view path) const { return open_file(path, O_PATH).has_value(); }

Result<std::vector<std::string>> Host::list(std::string_view path) const {
  BRIM_TRY(Fd fd, open_file(path, O_RDONLY | O_DIRECTORY));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(fd.get()), ::closedir);
  if (!directory) return fail(errno_error(errno, "list", place(path)));
  static_cast<void>(fd.release());  // closedir closes it
  std::vector<std::string> names;
  while (true) {
    errno = 0;
    const dirent* entry = ::readdir(directory.get());  // NOLINT(concurrency-mt-unsafe): our own DIR
    if (entry == nullptr) break;
    const std::string_view name(entry->d_name);
    if (name != "." && name != "..") names.emplace_back(name);
  }
  if (errno != 0) return fail(errno_error(errno, "list", place(path)));
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace brim::host
