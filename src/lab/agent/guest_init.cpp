// SPDX-License-Identifier: Apache-2.0
#include "lab/agent/guest_init.h"

#include "base/text.h"
#include "lab/agent/module_order.h"
#include "lab/agent/service.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/module.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

namespace brim::lab {
namespace {

struct GuestMount {
  const char* type;
  const char* at;
};
constexpr GuestMount kGuestMounts[] = {
    {"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"cgroup2", "/sys/fs/cgroup"}};

// Empty where it worked.
std::string mount_guest_file_system(const GuestMount& one) {
  ::mkdir(one.at, 0755);
  if (::mount(one.type, one.at, one.type, 0, nullptr) == 0 || errno == EBUSY) return {};
  return fmt::format("mount {}: {}", one.at, std::strerror(errno));
}

// Empty where it worked, or the module is there already. Compressed ones the kernel unpacks itself,
// since 5.17 and where it was built so.
std::string load_module(const std::string& path) {
  const int flags = path.ends_with(".ko") ? 0 : MODULE_INIT_COMPRESSED_FILE;
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file && ::syscall(SYS_finit_module, file.get(), "", flags) == 0) return {};
  if (errno == EEXIST) return {};
  return fmt::format("module {}: {}", path, std::strerror(errno));
}

// kModuleList where the lab made the initramfs, else those of another's (`--initrd`).
std::vector<std::string> module_files() {
  std::vector<std::string> paths;
  if (std::ifstream list(kModuleList); list) {
    for (std::string path; std::getline(list, path);)
      if (!path.empty()) paths.push_back(std::move(path));
    return paths;
  }
  utsname system{};
  ::uname(&system);
  const std::string tree = fmt::format("/lib/modules/{}/", system.release);
  std::ifstream file(tree + "modules.dep");
  const std::string dependencies{std::istreambuf_iterator<char>(file),
                                 std::istreambuf_iterator<char>()};
  for (const std::string& path : modules_in_order(dependencies, kGuestModules))
    paths.push_back(tree + path);
  return paths;
}

std::string first_line(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

// "/dev/vport0p1", or "" while there is none of that name.
std::string agent_port_device() {
  std::error_code error;
  for (const auto& port : std::filesystem::directory_iterator("/sys/class/virtio-ports", error)) {
    if (first_line(port.path() / "name") == kAgentPort)
      return "/dev/" + port.path().filename().string();
  }
  return {};
}

}  // namespace

std::vector<std::string> prepare_guest() {
  std::vector<std::string> problems;
  const auto note = [&problems](std::string problem) {
    if (!problem.empty()) problems.push_back(std::move(problem));
  };
  for (const GuestMount& one : kGuestMounts) note(mount_guest_file_system(one));
  for (const std::string& path : module_files()) note(load_module(path));
  std::ofstream control("/sys/fs/cgroup/cgroup.subtree_control");
  if (!(control << "+memory" << std::flush))
    note("cgroups below the root have no memory controller");
  return problems;
}

Result<Fd> open_agent_port() {
  constexpr int kAttempts = 1000;
  constexpr useconds_t kPauseMicroseconds = 10000;
  for (int i = 0; i < kAttempts; ++i) {
    if (const std::string device = agent_port_device(); !device.empty()) {
      Fd port(::open(device.c_str(), O_RDWR | O_CLOEXEC));
      if (port) return port;
      if (errno != ENOENT && errno != EBUSY) return fail(errno_error(errno, "open", device));
    }
    ::usleep(kPauseMicroseconds);
  }
  return fail(ErrorCode::missing, "no virtio-serial port of this name", std::string(kAgentPort));
}

void reset_guest() {
  ::sync();
  ::reboot(RB_AUTOBOOT);
  for (;;) ::pause();
}

}  // namespace brim::lab
