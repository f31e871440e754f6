// SPDX-License-Identifier: Apache-2.0
#include "host/journal_directory.h"

#include "base/text.h"
#include "host/files.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::size_t kLargestEntry = 64 << 10;
constexpr std::size_t kDigits = 20;  // of any 64-bit number
constexpr std::string_view kEntrySuffix = ".json";
constexpr std::string_view kTemporarySuffix = ".tmp";
constexpr std::string_view kLockName = "lock";

Result<void> make_directories(const std::string& path) {
  for (std::size_t slash = path.find('/', 1);; slash = path.find('/', slash + 1)) {
    const std::string part = path.substr(0, slash);
    // The journal itself is nobody else's business; its parents are ordinary directories.
    const mode_t mode = slash == std::string::npos ? 0700 : 0755;
    if (::mkdir(part.c_str(), mode) != 0 && errno != EEXIST)
      return fail(errno_error(errno, "create the journal directory", part));
    if (slash == std::string::npos) return {};
  }
}

Result<void> write_whole(int fd, std::string_view text, const std::string& where) {
  if (!write_all(fd, text)) return fail(errno_error(errno, "write the journal", where));
  if (::fsync(fd) != 0) return fail(errno_error(errno, "fsync the journal", where));
  return {};
}

}  // namespace

std::string JournalDirectory::entry_name(std::uint64_t number) {
  return fmt::format("{:0{}}{}", number, kDigits, kEntrySuffix);
}

std::string JournalDirectory::place(std::string_view name) const {
  return fmt::format("{}/{}", path_, name);
}

Result<JournalDirectory> JournalDirectory::open(const std::string& path) {
  JournalDirectory journal;
  journal.path_ = path;
  while (journal.path_.size() > 1 && journal.path_.ends_with('/')) journal.path_.pop_back();
  if (!journal.path_.starts_with('/'))
    return fail(ErrorCode::bad_input, "the journal directory must be an absolute path", path);
  BRIM_CHECK(make_directories(journal.path_));
  journal.directory_ =
      Fd(::open(journal.path_.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!journal.directory_) return fail(errno_error(errno, "open the journal directory", path));
  struct stat status {};
  if (::fstat(journal.directory_.get(), &status) != 0)
    return fail(errno_error(errno, "stat the journal directory", path));
  if (status.st_uid != ::geteuid() || (status.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(ErrorCode::denied,
                "the journal directory must belong to this user, and nobody else may write in it",
                path);
  return journal;
}

bool JournalDirectory::may_exist(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0 || errno != ENOENT;
}

bool JournalDirectory::has_entries(const std::string& path) {
  JournalDirectory journal;
  journal.path_ = path;
  journal.directory_ = Fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!journal.directory_) return false;
  const auto listing = journal.list();
  return listing && !listing->entries.empty();
}

Result<void> JournalDirectory::lock() {
  if (lock_) return {};
  const std::string where = place(kLockName);
  Fd file(::openat(directory_.get(), kLockName.data(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                   0600));
  if (!file) return fail(errno_error(errno, "open the journal's lock", where));
  if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(errno_error(errno, "lock the journal", where));
    std::array<char, 32> text{};
    const ssize_t n = ::pread(file.get(), text.data(), text.size(), 0);
    const std::string_view holder =
        trim(std::string_view(text.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))));
    return fail(ErrorCode::denied,
                fmt::format("another brim (pid {}) is changing this host; wait for it to end",
                            parse_number(holder) ? holder : "unknown"),
                where);
  }
  // The pid is for people only: a full disk may keep it out.
  const std::string pid = fmt::format("{:<20}\n", ::getpid());
  if (::pwrite(file.get(), pid.data(), pid.size(), 0) < 0) errno = 0;
  lock_ = std::move(file);
  return {};
}

void JournalDirectory::unlock() { lock_.reset(); }

Result<JournalDirectory::Listing> JournalDirectory::list() const {
  // A descriptor of its own: reading moves the position.
  Fd copy(::openat(directory_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!copy) return fail(errno_error(errno, "open the journal directory", path_));
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::fdopendir(copy.get()), ::closedir);
  if (!directory) return fail(errno_error(errno, "list the journal directory", path_));
  static_cast<void>(copy.release());  // closedir closes it
  Listing listing;
  for (;;) {
    errno = 0;
    const dirent* item = ::readdir(directory.get());
    if (item == nullptr && errno != 0)
      return fail(errno_error(errno, "list the journal directory", path_));
    if (item == nullptr) break;
    const std::string_view name = item->d_name;
    if (name == "." || name == ".." || name == kLockName) continue;
    const auto number = parse_number(name.substr(0, std::min(kDigits, name.size())));
    const std::string_view rest = name.substr(std::min(kDigits, name.size()));
    if (number && rest == kEntrySuffix)
      listing.entries[*number] = name;
    else if (number && rest == kTemporarySuffix)
      listing.temporary.emplace_back(name);
    else
      listing.foreign.emplace_back(name);
  }
  std::sort(listing.foreign.begin(), listing.foreign.end());
  return listing;
}

Result<std::string> JournalDirectory::read(const std::string& name) const {
  // O_NONBLOCK: opening a pipe of that name must not wait.
  const Fd file(
      ::openat(directory_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open", place(name)));
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return fail(errno_error(errno, "stat", place(name)));
  if (!S_ISREG(status.st_mode))
    return fail(ErrorCode::bad_input, "not a journal entry: not a regular file", place(name));
  return read_to_end(file.get(), place(name), kLargestEntry);
}

Result<void> JournalDirectory::write(std::uint64_t number, std::string_view text) const {
  const std::string name = entry_name(number);
  const std::string temporary = name.substr(0, kDigits) + std::string(kTemporarySuffix);
  ::unlinkat(directory_.get(), temporary.c_str(), 0);  // of an interrupted run; usually none
  const Fd file(::openat(directory_.get(), temporary.c_str(),
                         O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) return fail(errno_error(errno, "create a journal entry", place(name)));
  auto done = write_whole(file.get(), text, place(name));
  if (done && ::renameat(directory_.get(), temporary.c_str(), directory_.get(), name.c_str()) != 0)
    done = fail(errno_error(errno, "rename a journal entry", place(name)));
  if (!done) {
    ::unlinkat(directory_.get(), temporary.c_str(), 0);
    return done;
  }
  if (::fsync(directory_.get()) != 0)
    return fail(errno_error(errno, "fsync the journal directory", path_));
  return {};
}

Result<void> JournalDirectory::remove(const std::string& name) const {
  if (::unlinkat(directory_.get(), name.c_str(), 0) != 0 && errno != ENOENT)
    return fail(errno_error(errno, "remove a journal entry", place(name)));
  ::fsync(directory_.get());  // an entry that comes back is restored again, which does no harm
  return {};
}

}  // namespace brim::host
