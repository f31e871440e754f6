// SPDX-License-Identifier: Apache-2.0
#include "host/swap_file.h"

#include "base/text.h"
#include "host/swap_switch.h"
#include "host/swap_table.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr std::uint32_t kBtrfs = 0x9123683E;

// f_type of statfs(2); uapi/linux/magic.h has those of the kernel's own.
struct UnfitFileSystem {
  std::uint32_t type;
  std::string_view name;
  std::string_view why;
};
constexpr std::array<UnfitFileSystem, 8> kUnfit = {{
    {0x01021994, "tmpfs", "its files are in memory, or in swap"},
    {0x858458f6, "ramfs", "its files are in memory"},
    {0x794c7630, "overlay", "the kernel does not swap to its files"},
    {0x6969, "nfs", "it is over a network"},
    {0xff534d42, "cifs", "it is over a network"},
    {0x01021997, "9p", "it is over a network"},
    {0x65735546, "fuse", "the kernel does not swap to its files"},
    {0x2fc12fc1, "zfs", "the kernel does not swap to its files"},
}};

// The file system's type.
Result<std::uint32_t> fit_file_system(const std::string& folder, Bytes size, Bytes reserve) {
  struct statfs status {};
  if (::statfs(folder.c_str(), &status) != 0)
    return fail(errno_error(errno, "look for room for swap", folder));
  for (const UnfitFileSystem& unfit : kUnfit)
    if (unfit.type == static_cast<std::uint32_t>(status.f_type))
      return fail(
          ErrorCode::missing,
          fmt::format("no swap file on {}: {}; name a folder on a disk", unfit.name, unfit.why),
          folder);
  const Bytes room(static_cast<std::uint64_t>(status.f_bavail) *
                   static_cast<std::uint64_t>(status.f_bsize));
  if (size > room || room - size < reserve)
    return fail(ErrorCode::missing,
                fmt::format("a swap file of {} would leave less than {} of {} free",
                            human_bytes(size), human_bytes(reserve), human_bytes(room)),
                folder);
  return static_cast<std::uint32_t>(status.f_type);
}

// btrfs writes elsewhere what is written again, which swap can't follow; a new file can be told not
// to.
Result<void> forbid_copy_on_write(const Fd& file, const std::string& folder) {
  int flags = 0;
  const bool set = ::ioctl(file.get(), FS_IOC_GETFLAGS, &flags) == 0 &&
                   (flags |= FS_NOCOW_FL, ::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) == 0) &&
                   ::ioctl(file.get(), FS_IOC_GETFLAGS, &flags) == 0 && (flags & FS_NOCOW_FL) != 0;
  if (!set)
    return fail(ErrorCode::missing, "no swap file on btrfs with copy-on-write, which it insists on",
                folder);
  return {};
}

// There was room when it was looked for.
Error allocation_error(int error, Bytes size, const std::string& folder) {
  if (error != ENOSPC && error != EDQUOT) return errno_error(error, "allocate a swap file", folder);
  return {ErrorCode::missing,
          fmt::format("no room for a swap file of {}: {}", human_bytes(size),
                      error == EDQUOT ? "it is more than the quota allows"
                                      : "the disk filled up while it was being made"),
          folder};
}

// Zeros, where the file system does not allocate by itself.
Result<void> write_zeros(const Fd& file, Bytes size, const std::string& folder) {
  const std::string zeros(std::size_t{1} << 20, '\0');
  for (std::uint64_t at = 0; at < size.count();) {
    const std::size_t count = std::min<std::uint64_t>(zeros.size(), size.count() - at);
    const ssize_t wrote = ::pwrite(file.get(), zeros.data(), count, static_cast<off_t>(at));
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote <= 0) return fail(allocation_error(errno, size, folder));
    at += static_cast<std::uint64_t>(wrote);
  }
  return {};
}

Result<void> allocate(const Fd& file, Bytes size, const std::string& folder) {
  int failed = 0;
  do failed = ::fallocate(file.get(), 0, 0, static_cast<off_t>(size.count())) != 0 ? errno : 0;
  while (failed == EINTR);
  if (failed == EOPNOTSUPP) {
    BRIM_CHECK(write_zeros(file, size, folder));
  } else if (failed != 0) {
    return fail(allocation_error(failed, size, folder));
  }
  struct stat status {};
  constexpr std::uint64_t kBlock = 512;  // st_blocks counts these, whatever the file system's are
  if (::fstat(file.get(), &status) != 0)
    return fail(errno_error(errno, "look at a swap file", folder));
  if (static_cast<std::uint64_t>(status.st_blocks) * kBlock < size.count())
    return fail(ErrorCode::missing, "no swap file here: its file system leaves holes in files",
                folder);
  return {};
}

bool is_this_file(int fd, const SwapFile& file) {
  struct stat status {};
  return ::fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_dev == file.device &&
         status.st_ino == file.inode;
}

}  // namespace

Result<Fd> make_nameless_swap_file(const std::string& folder, Bytes size, Bytes reserve) {
  BRIM_TRY(const std::uint32_t type, fit_file_system(folder, size, reserve));
  Fd file(::open(folder.c_str(), O_RDWR | O_TMPFILE | O_CLOEXEC, 0600));
  if (!file) return fail(errno_error(errno, "make a swap file", folder));
  if (type == kBtrfs) BRIM_CHECK(forbid_copy_on_write(file, folder));
  BRIM_CHECK(allocate(file, size, folder));
  return file;
}

Result<SwapFile> name_swap_file(const Fd& file, const std::string& folder) {
  struct stat status {};
  if (::fstat(file.get(), &status) != 0)
    return fail(errno_error(errno, "look at a swap file", folder));
  std::error_code error;
  // As /proc/swaps names it.
  const std::string place = std::filesystem::canonical(folder, error).string();
  if (error) return fail(errno_error(error.value(), "find", folder));
  return SwapFile{
      fmt::format("{}{}{}{}", place, place == "/" ? "" : "/", kSwapFilePrefix, status.st_ino),
      status.st_dev, status.st_ino};
}

Result<void> give_name(const Fd& file, const SwapFile& named) {
  const std::string link = fmt::format("/proc/self/fd/{}", file.get());
  if (::linkat(AT_FDCWD, link.c_str(), AT_FDCWD, named.path.c_str(), AT_SYMLINK_FOLLOW) != 0)
    return fail(errno_error(errno, "name a swap file", named.path));
  return {};
}

Result<void> remove_swap_file(const Host& host, const SwapFile& file) {
  const Fd opened(::open(file.path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!opened && errno != ENOENT && errno != ELOOP)
    return fail(errno_error(errno, "open a swap file", file.path));
  if (!opened || !is_this_file(opened.get(), file)) {
    BRIM_TRY(const auto nameless, find_swap(host, file.path + " (deleted)"));
    if (!nameless) return {};
    return fail(ErrorCode::io,
                "somebody removed this swap file while it was in use; only a reboot ends that",
                file.path);
  }
  BRIM_TRY(const auto used, find_swap(host, file.path));
  if (used) BRIM_CHECK(swap_off(fmt::format("/proc/self/fd/{}", opened.get())));
  if (::unlink(file.path.c_str()) != 0 && errno != ENOENT)
    return fail(errno_error(errno, "remove a swap file", file.path));
  return {};
}

}  // namespace brim::host
