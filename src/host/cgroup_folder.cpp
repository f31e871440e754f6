// SPDX-License-Identifier: Apache-2.0
#include "host/cgroup_folder.h"

#include "base/fd.h"

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace brim::host {
namespace {

std::vector<std::string> folders_below(const std::string& folder) {
  std::vector<std::string> below;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator(folder, error))
    if (item.is_directory(error)) below.push_back(item.path().string());
  return below;
}

// As rmdir(2), with those below.
int remove_tree(const std::string& folder) {
  for (const std::string& below : folders_below(folder)) static_cast<void>(remove_tree(below));
  return ::rmdir(folder.c_str());
}

}  // namespace

Result<void> write_control(const std::string& path, const std::string& text) {
  const Fd file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!file) return fail(errno_error(errno, "open", path));
  if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size()))
    return fail(errno_error(errno, "write", path));
  return {};
}

bool kill_members(const std::string& folder) {
  static_cast<void>(write_control(folder + "/cgroup.kill", "1"));  // v2 since Linux 5.14
  std::ifstream file(folder + "/cgroup.procs");
  bool any = false;
  for (int pid = 0; file >> pid;) {
    any = true;
    if (pid > 0) ::kill(pid, SIGKILL);
  }
  for (const std::string& below : folders_below(folder)) any = kill_members(below) || any;
  // What the v1 freezer holds dies only when it goes on; version 2 needs no such help.
  if (any) static_cast<void>(write_control(folder + "/freezer.state", "THAWED"));
  return any;
}

Result<void> remove_cgroup_folder(const std::string& folder, std::string_view prefix,
                                  std::string_view whose) {
  constexpr int kAttempts = 2000;
  constexpr useconds_t kPauseMicroseconds = 5000;
  const std::string name = folder.substr(folder.rfind('/') + 1);
  if (!name.starts_with(prefix))
    return fail(ErrorCode::bad_input, fmt::format("not a cgroup of {}", whose), folder);
  for (int i = 0; i < kAttempts; ++i) {
    kill_members(folder);
    if (remove_tree(folder) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY)
      return fail(errno_error(errno, fmt::format("remove a cgroup of {}", whose), folder));
    ::usleep(kPauseMicroseconds);
  }
  return fail(ErrorCode::io, fmt::format("what runs in a cgroup of {} can't be killed", whose),
              folder);
}

}  // namespace brim::host
