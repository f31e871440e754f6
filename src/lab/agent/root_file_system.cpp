// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/root_file_system.h"

#include "base/text.h"

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::lab {
namespace {

constexpr char kRootMount[] = "/rootfs";

// "/dev/vda", or "" where no disk has the serial.
std::string root_disk() {
  std::error_code error;
  for (const auto& disk : std::filesystem::directory_iterator("/sys/block", error)) {
    std::ifstream file(disk.path() / "serial");
    std::string serial;
    if (std::getline(file, serial) && trim(serial) == kRootDiskSerial)
      return "/dev/" + disk.path().filename().string();
  }
  return {};
}

Result<void> mount_in_root(const char* type, const std::string& from, const std::string& at,
                           const char* options) {
  if (::mount(from.c_str(), at.c_str(), type, 0, options) != 0)
    return fail(errno_error(errno, std::string("mount ") + type, at));
  return {};
}

}  // namespace

Result<void> enter_root_file_system() {
  const std::string disk = root_disk();
  if (disk.empty())
    return fail(ErrorCode::missing, "this guest has no disk with the lab's root file system");
  ::mkdir(kRootMount, 0755);
  const std::string root = kRootMount;
  // The scratch disk need not be zeroed where nothing is written.
  BRIM_CHECK(mount_in_root("ext4", disk, root, "noinit_itable"));
  BRIM_CHECK(mount_in_root("proc", "proc", root + "/proc", ""));
  BRIM_CHECK(mount_in_root("sysfs", "sysfs", root + "/sys", ""));
  BRIM_CHECK(mount_in_root("devtmpfs", "devtmpfs", root + "/dev", ""));
  BRIM_CHECK(mount_in_root("tmpfs", "tmpfs", root + "/run", "mode=755"));
  if (::chroot(kRootMount) != 0 || ::chdir("/") != 0)
    return fail(errno_error(errno, "change the root to", root));
  ::setenv("PATH", "/usr/sbin:/usr/bin:/sbin:/bin", 1);
  ::setenv("LC_ALL", "C", 1);
  return {};
}

}  // namespace brim::lab
