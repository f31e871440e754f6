// SPDX-License-Identifier: Apache-2.0
#include "host/group_parts.h"

#include "host/cgroup_folder.h"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>

namespace brim::host {
namespace {

using std::chrono::steady_clock;

constexpr const char* kRestPart = "rest";

Result<void> check_has_parts(const PartPlace& memory) {
  if (memory.folder.empty()) return fail(ErrorCode::missing, memory.why_not);
  if (memory.v2) return {};
  return fail(ErrorCode::missing,
              "only cgroups of version 2 protect memory (memory.low), and here version 1 has the "
              "memory controller",
              memory.folder);
}

Result<std::string> make_part(const std::string& group, const std::string& name) {
  std::string part = fmt::format("{}/{}", group, name);
  if (::mkdir(part.c_str(), 0755) != 0) return fail(errno_error(errno, "make a cgroup", part));
  return part;
}

// Those that have just ended can't be moved, and need not.
void move_members(const std::string& from, const std::string& to) {
  std::ifstream members(from + "/cgroup.procs");
  for (int pid = 0; members >> pid;)
    static_cast<void>(write_control(to + "/cgroup.procs", std::to_string(pid)));
}

// A probe starts others meanwhile: again, until the kernel finds nobody in the group itself.
Result<void> pass_memory_on(const std::string& group, const std::string& rest) {
  constexpr auto kPatience = std::chrono::seconds(10);
  constexpr auto kAgain = std::chrono::milliseconds(2);
  const auto deadline = steady_clock::now() + kPatience;
  for (;;) {
    move_members(group, rest);
    auto passed = write_control(group + "/cgroup.subtree_control", "+memory");
    if (passed || steady_clock::now() >= deadline) return passed;
    std::this_thread::sleep_for(kAgain);
  }
}

}  // namespace

Result<void> check_group_parts(const Host& host) {
  BRIM_TRY(const GroupPlaces places,
           group_places(host, fmt::format("{}check", kLimitedGroupPrefix)));
  return check_has_parts(places[GroupPart::memory]);
}

Result<GroupParts> GroupParts::create(const LimitedGroup& group, const std::vector<int>& pids) {
  const PartPlace& memory = group.places()[GroupPart::memory];
  BRIM_CHECK(check_has_parts(memory));
  GroupParts parts;
  for (std::size_t i = 0; i < pids.size(); ++i) {
    BRIM_TRY(const std::string part, make_part(memory.folder, fmt::format("part-{}", i + 1)));
    BRIM_CHECK(write_control(part + "/cgroup.procs", std::to_string(pids[i])));
    parts.folders_.push_back(part);
  }
  BRIM_TRY(const std::string rest, make_part(memory.folder, kRestPart));
  BRIM_CHECK(pass_memory_on(memory.folder, rest));
  return parts;
}

Result<void> GroupParts::protect(std::size_t part, bool protect) const {
  return write_control(folders_.at(part) + "/memory.low", protect ? "max" : "0");
}

std::string rest_of_parts(const LimitedGroup& group) {
  return fmt::format("{}/{}", group.places()[GroupPart::memory].folder, kRestPart);
}

}  // namespace brim::host
