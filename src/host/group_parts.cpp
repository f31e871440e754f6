// SPDX-License-Identifier: Apache-2.0
#include "host/group_parts.h"

#include "base/text.h"
#include "host/cgroup_folder.h"
#include "host/process_text.h"

#include <cerrno>
#include <chrono>
#include <fstream>
#include <functional>
#include <thread>

#include <fmt/format.h>
#include <sys/stat.h>

namespace brim::host {
namespace {

using std::chrono::steady_clock;

constexpr const char* kRestPart = "rest";

// Again and again for some seconds, while the kernel says that it is busy.
Result<void> do_when_not_busy(const std::function<Result<void>()>& act) {
  constexpr auto kPatience = std::chrono::seconds(10);
  constexpr auto kAgain = std::chrono::milliseconds(2);
  const auto deadline = steady_clock::now() + kPatience;
  for (;;) {
    auto done = act();
    if (done || done.error().code != ErrorCode::io || steady_clock::now() >= deadline) return done;
    std::this_thread::sleep_for(kAgain);
  }
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

// Version 2: once nobody is left in the group itself. A probe starts others meanwhile.
Result<void> pass_memory_on(const std::string& group) {
  BRIM_TRY(const std::string rest, make_part(group, kRestPart));
  return do_when_not_busy([&] {
    move_members(group, rest);
    return write_control(group + "/cgroup.subtree_control", "+memory");
  });
}

// Version 1 before Linux 5.11: what is in parts counts for the group if that was said before there
// were any.
Result<void> count_parts_for_group(const Host& host, const std::string& group) {
  const std::string path = group + "/memory.use_hierarchy";
  if (host.read_value(path).value_or("1") == "1") return {};
  return write_control(path, "1");
}

}  // namespace

Result<void> check_part_protection(const Host& host) {
  BRIM_TRY(const GroupPlaces places,
           group_places(host, fmt::format("{}check", kLimitedGroupPrefix)));
  const PartPlace& memory = places[GroupPart::memory];
  if (memory.folder.empty()) return fail(ErrorCode::missing, memory.why_not);
  if (memory.v2) return {};
  return fail(ErrorCode::missing,
              "only cgroups of version 2 protect memory (memory.low), and here version 1 has the "
              "memory controller",
              memory.folder);
}

Result<GroupParts> GroupParts::create(const Host& host, const LimitedGroup& group,
                                      const std::vector<int>& pids) {
  const PartPlace& memory = group.places()[GroupPart::memory];
  GroupParts parts(host, memory.v2);
  if (!memory.v2) BRIM_CHECK(count_parts_for_group(host, memory.folder));
  for (std::size_t i = 0; i < pids.size(); ++i) {
    BRIM_TRY(const std::string part, make_part(memory.folder, fmt::format("part-{}", i + 1)));
    BRIM_CHECK(write_control(part + "/cgroup.procs", std::to_string(pids[i])));
    parts.folders_.push_back(part);
  }
  if (memory.v2) BRIM_CHECK(pass_memory_on(memory.folder));
  return parts;
}

// Version 1 sets no limit as long as more is in use, and reclaims until nothing goes any more:
// pages that are on their way out may have gone a moment later.
Result<void> GroupParts::limit(std::size_t part, Bytes memory) const {
  const std::string path =
      fmt::format("{}/{}", folders_.at(part), v2_ ? "memory.max" : "memory.limit_in_bytes");
  auto set = do_when_not_busy([&] { return write_control(path, std::to_string(memory.count())); });
  if (set || set.error().code != ErrorCode::io) return set;
  return fail(ErrorCode::io,
              fmt::format("can't be limited to {}, for what is in use does not leave: {}",
                          human_bytes(memory), set.error().what),
              path);
}

Result<void> GroupParts::protect(std::size_t part, bool protect) const {
  return write_control(folders_.at(part) + "/memory.low", protect ? "max" : "0");
}

std::uint64_t GroupParts::uncounted_oom_kills() const {
  if (v2_) return 0;
  std::uint64_t kills = 0;
  for (const std::string& folder : folders_)
    if (const auto text = host_->read_file(folder + "/memory.oom_control"))
      kills += number_of(*text, "oom_kill").value_or(0);
  return kills;
}

std::string rest_of_parts(const LimitedGroup& group) {
  return fmt::format("{}/{}", group.places()[GroupPart::memory].folder, kRestPart);
}

}  // namespace brim::host
