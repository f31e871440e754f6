// SPDX-License-Identifier: Apache-2.0
#include "host/guest_cgroup.h"

#include "host/cgroup_folder.h"
#include "host/group_layout.h"
#include "host/system.h"

#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::host {
namespace {

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

}  // namespace

Result<std::string> guest_cgroup_path(const Host& host, const std::string& name) {
  BRIM_ASSERT(name.starts_with(kGuestCgroupPrefix) && name.find('/') == std::string::npos);
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  const CgroupMount* mount = cgroups.with("memory");
  if (mount == nullptr)
    return fail(ErrorCode::missing, "no cgroup hierarchy has the memory controller", host.root());
  if (mount->v2) BRIM_CHECK(check_passed_on(host, *mount, "memory"));
  return fmt::format("{}/{}", mount->path, name);
}

Result<void> remove_guest_cgroup(const std::string& path) {
  return remove_cgroup_folder(path, kGuestCgroupPrefix, "brim's guests");
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
