// SPDX-License-Identifier: Apache-2.0
#include "host/guest_cgroup.h"

#include "base/text.h"
#include "host/system.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

Result<void> write_control(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open", path));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(errno_error(errno, "write", path));
  return {};
}

// The memory limit, then, where there is one, the limit of memory and swap: the latter may not be
// below the former.
Result<void> limit_memory(const std::string& path, Bytes limit) {
  const std::string bytes = std::to_string(limit.count());
  const bool v2 = ::access((path + "/memory.max").c_str(), F_OK) == 0;
  BRIM_CHECK(write_control(path + (v2 ? "/memory.max" : "/memory.limit_in_bytes"), bytes));
  const std::string swap = path + (v2 ? "/memory.swap.max" : "/memory.memsw.limit_in_bytes");
  if (::access(swap.c_str(), F_OK) != 0) return {};
  return write_control(swap, v2 ? "0" : bytes);
}

// Kills what is in it now; whether there was anything.
bool kill_members(const std::string& path) {
  static_cast<void>(write_control(path + "/cgroup.kill", "1"));  // v2 since Linux 5.14
  std::ifstream file(path + "/cgroup.procs");
  bool any = false;
  for (int pid = 0; file >> pid;) {
    any = true;
    if (pid > 0) ::kill(pid, SIGKILL);
  }
  return any;
}

}  // namespace

Result<std::string> guest_cgroup_path(const Host& host, const std::string& name) {
  BRIM_ASSERT(name.starts_with(kGuestCgroupPrefix) && name.find('/') == std::string::npos);
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  const CgroupMount* mount = cgroups.with("memory");
  if (mount == nullptr)
    return fail(ErrorCode::missing, "no cgroup hierarchy has the memory controller", host.root());
  if (mount->v2) {
    const std::string path = mount->path + "/cgroup.subtree_control";
    BRIM_TRY(const std::string passed, host.read_value(path));
    const auto words = split(passed, ' ');
    if (std::find(words.begin(), words.end(), "memory") == words.end())
      return fail(ErrorCode::missing,
                  fmt::format("cgroups below get no memory limit; echo +memory > {}", path), path);
  }
  return fmt::format("{}/{}", mount->path, name);
}

Result<void> remove_guest_cgroup(const std::string& path) {
  constexpr int kAttempts = 2000;
  constexpr useconds_t kPauseMicroseconds = 5000;
  const std::string name = path.substr(path.rfind('/') + 1);
  if (!name.starts_with(kGuestCgroupPrefix))
    return fail(ErrorCode::bad_input, "not a cgroup of brim's guests", path);
  for (int i = 0; i < kAttempts; ++i) {
    kill_members(path);
    if (::rmdir(path.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY) return fail(errno_error(errno, "remove the guest's cgroup", path));
    ::usleep(kPauseMicroseconds);
  }
  return fail(ErrorCode::io, "what runs in the guest's cgroup can't be killed", path);
}

Result<GuestCgroup> GuestCgroup::create(const Host& host, const std::string& name, Bytes limit) {
  if (!host.live())
    return fail(ErrorCode::missing, "guests run on the live machine only", host.root());
  BRIM_TRY(std::string path, guest_cgroup_path(host, name));
  if (::mkdir(path.c_str(), 0755) != 0)
    return fail(errno_error(errno, "make a cgroup for a guest", path));
  GuestCgroup cgroup(std::move(path));
  BRIM_CHECK(limit_memory(cgroup.path_, limit));
  return cgroup;
}

GuestCgroup::GuestCgroup(GuestCgroup&& other) noexcept : path_(std::exchange(other.path_, {})) {}

GuestCgroup::~GuestCgroup() {
  if (!path_.empty()) static_cast<void>(remove_guest_cgroup(path_));
}

}  // namespace brim::host
