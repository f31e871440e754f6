// SPDX-License-Identifier: Apache-2.0
#include "host/files.h"

#include "base/text.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <string_view>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr int kMostLinks = 40;  // as the kernel: more is ELOOP

// Puts the components of `path` on the stack, the first one on top.
void push_components(std::vector<std::string>& pending, std::string_view path) {
  const std::vector<std::string_view> parts = split(path, '/');
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    if (!part->empty() && *part != ".") pending.emplace_back(*part);
  }
}

int fail_with(int errno_value) {
  errno = errno_value;
  return -1;
}

bool is_link(int fd) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISLNK(status.st_mode);
}

// Replaces a link by its target on the stack; an absolute one starts again from the root.
bool follow_link(int link, int root, Fd& current, std::vector<std::string>& pending) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(link, "", target.data(), target.size());
  if (length < 0) return false;
  const std::string_view text(target.data(), static_cast<std::size_t>(length));
  if (text.starts_with('/')) current = Fd(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  push_components(pending, text);
  return static_cast<bool>(current);
}

// A pseudo file may be there and yet not be supported (PSI switched off, a threaded cgroup's
// cgroup.procs), or belong to a cgroup that was removed since it was opened.
Error read_error(int errno_value, const std::string& where) {
  Error error = errno_error(errno_value, "read", where);
  if (errno_value == EOPNOTSUPP) error.code = ErrorCode::missing;
  if (errno_value == ENODEV) error.code = ErrorCode::gone;
  return error;
}

int open_by_walk(int root, const std::string& path, int flags) {
  std::vector<std::string> pending;
  push_components(pending, path);
  if (pending.empty()) return ::openat(root, ".", flags);
  Fd current(::fcntl(root, F_DUPFD_CLOEXEC, 0));
  if (!current) return -1;
  for (int links = 0; !pending.empty();) {
    const std::string name = std::move(pending.back());
    pending.pop_back();
    if (name == "..") return fail_with(EXDEV);
    const bool last = pending.empty();
    Fd next(::openat(current.get(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    if (!next) return -1;
    if (is_link(next.get()) && !(last && (flags & O_NOFOLLOW) != 0)) {
      if (++links > kMostLinks) return fail_with(ELOOP);
      if (!follow_link(next.get(), root, current, pending)) return -1;
      if (pending.empty()) return ::openat(current.get(), ".", flags);  // a link to "/"
      continue;
    }
    // O_NOFOLLOW: a link put here since we looked must not lead out.
    if (last) return ::openat(current.get(), name.c_str(), flags | O_NOFOLLOW);
    current = std::move(next);
  }
  return fail_with(ENOENT);
}

}  // namespace

int open_confined(int root, const std::string& path, int flags, Resolver resolver) {
  flags |= O_CLOEXEC;
  if (resolver == Resolver::walk) return open_by_walk(root, path, flags);
  open_how how{};
  how.flags = static_cast<unsigned>(flags);
  how.resolve = RESOLVE_IN_ROOT;
  // EAGAIN: something was renamed while the kernel resolved "..". Seldom, and soon over.
  constexpr int kAttempts = 16;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const long fd = ::syscall(SYS_openat2, root, path.c_str(), &how, sizeof(how));
    if (fd >= 0) return static_cast<int>(fd);
    if (errno == EAGAIN || errno == EINTR) continue;
    // EPERM also where a container's system call filter does not know openat2.
    if (errno != ENOSYS && errno != EPERM) return -1;
    break;
  }
  return open_by_walk(root, path, flags);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

ssize_t read_at(int fd, std::span<std::byte> out, std::uint64_t offset) {
  ssize_t got = -1;
  do {
    got = ::pread(fd, out.data(), out.size(), static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  return got;
}

Result<std::string> read_to_end(int fd, const std::string& where, std::size_t largest) {
  // Pseudo files say size 0 and hand out at most a few KiB a read, so: read until nothing comes.
  constexpr std::size_t kStep = 32768;
  std::string text;
  std::size_t used = 0;
  while (true) {
    if (text.size() - used < kStep) text.resize(std::max(text.size() * 2, kStep));
    const ssize_t got = ::read(fd, text.data() + used, text.size() - used);
    if (got < 0) {
      if (errno == EINTR) continue;
      return fail(read_error(errno, where));
    }
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
    if (used > largest)
      return fail(ErrorCode::io,
                  fmt::format("larger than {}, which no file read whole should be",
                              human_bytes(Bytes(largest))),
                  where);
  }
  text.resize(used);
  return text;
}

Result<std::string> link_target(int fd, const std::string& where) {
  std::array<char, PATH_MAX> target{};
  const ssize_t length = ::readlinkat(fd, "", target.data(), target.size());
  // An O_PATH descriptor of something else than a link gives ENOENT.
  if (length < 0 && errno == ENOENT && !is_link(fd))
    return fail(ErrorCode::io, "not a symbolic link", where);
  if (length < 0) return fail(errno_error(errno, "read link", where));
  return std::string(target.data(), static_cast<std::size_t>(length));
}

std::string_view chosen_word(std::string_view text) {
  const std::size_t open = text.find('[');
  const std::size_t close = text.find(']', open == std::string_view::npos ? text.size() : open);
  if (close == std::string_view::npos) return trim(text);
  return text.substr(open + 1, close - open - 1);
}

}  // namespace brim::host
