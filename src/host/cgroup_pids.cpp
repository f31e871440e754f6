// SPDX-License-Identifier: Apache-2.0
// pids_in_cgroup: finds the directories meant by a path or a unit's name, then reads them and all
// below them.
#include "base/text.h"
#include "host/process_text.h"
#include "host/system.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace brim::host {
namespace {

// Deeper than any real hierarchy; ends the walk where links of a hostile tree lead round in
// circles.
constexpr int kDeepest = 64;

bool absent(const Error& error) {
  return error.code == ErrorCode::missing || error.code == ErrorCode::gone;
}

// Calls visit(path) for `path` and every cgroup below it. Those that vanish meanwhile are left out.
template <class Visit>
Result<void> walk(const Host& host, const std::string& path, Visit& visit, int depth = 0) {
  BRIM_CHECK(visit(path));
  if (depth == kDeepest) return {};
  auto names = host.list(path);
  if (!names && absent(names.error())) return {};
  if (!names) return fail(std::move(names).error());
  for (const std::string& name : *names) {
    const std::string below = path == "/" ? "/" + name : fmt::format("{}/{}", path, name);
    if (host.exists(below + "/cgroup.procs")) BRIM_CHECK(walk(host, below, visit, depth + 1));
  }
  return {};
}

Result<void> add_pids(const Host& host, const std::string& directory, std::vector<int>& pids) {
  const std::string path = directory + "/cgroup.procs";
  auto text = host.read_file(path);
  // Threaded cgroups don't tell: their processes stand in the cgroup above, which is read as well
  // if it was asked for.
  if (!text && absent(text.error())) return {};
  if (!text) return fail(std::move(text).error());
  Lines lines(*text);
  while (const std::optional<std::string_view> line = lines.next()) {
    const std::optional<std::uint64_t> pid = parse_number(trim(*line));
    if (!pid || *pid > static_cast<std::uint64_t>(std::numeric_limits<int>::max()))
      return fail(malformed("not a process id", host.place(path), lines.number(), *line));
    if (*pid != 0) pids.push_back(static_cast<int>(*pid));
  }
  return {};
}

bool below_or_at(std::string_view path, std::string_view mount) {
  if (mount == "/") return true;
  return path.starts_with(mount) && (path.size() == mount.size() || path[mount.size()] == '/');
}

bool is_cgroup(const Host& host, const std::string& path) {
  return host.exists(path + "/cgroup.procs");
}

// "/sys/fs/cgroup/memory/x" as it stands, or "/x" below each mount.
std::vector<std::string> find_path(const Host& host, const Cgroups& cgroups,
                                   const std::string& path) {
  std::vector<std::string> found;
  for (const CgroupMount& mount : cgroups.mounts)
    if (below_or_at(path, mount.path) && is_cgroup(host, path)) return {path};
  for (const CgroupMount& mount : cgroups.mounts) {
    const std::string below = path == "/" ? mount.path : mount.path + path;
    if (is_cgroup(host, below)) found.push_back(below);
  }
  return found;
}

std::string_view last_component(std::string_view path) {
  return path.substr(path.find_last_of('/') + 1);
}

// Every cgroup of every mount: its directory, and its path below the mount.
struct Known {
  std::string directory;
  std::string path;
};
Result<std::vector<Known>> all_cgroups(const Host& host, const Cgroups& cgroups) {
  std::vector<Known> known;
  for (const CgroupMount& mount : cgroups.mounts) {
    auto add = [&](const std::string& directory) -> Result<void> {
      if (directory.size() > mount.path.size())
        known.push_back({directory, directory.substr(mount.path.size())});
      return {};
    };
    BRIM_CHECK(walk(host, mount.path, add));
  }
  return known;
}

tl::unexpected<Error> no_such_cgroup(const std::string& asked, const std::vector<Known>& known) {
  std::vector<std::string> candidates;
  for (const Known& each : known) {
    candidates.push_back(asked.starts_with('/') ? each.path
                                                : std::string(last_component(each.path)));
    if (asked.starts_with('/')) candidates.push_back(each.directory);
  }
  const std::optional<std::string> nearest = nearest_word(asked, candidates);
  const std::string hint =
      nearest ? fmt::format("the nearest name is '{}'", *nearest)
              : "give a path below a cgroup mount, or a unit such as machine.slice";
  return fail(ErrorCode::bad_input, fmt::format("there is no cgroup '{}'; {}", asked, hint));
}

Result<void> check_name(std::string_view cgroup) {
  if (trim(cgroup).empty() || cgroup.find('\0') != std::string_view::npos)
    return fail(ErrorCode::bad_input,
                "no cgroup named; give a path such as /machine.slice, or a unit's name");
  const std::vector<std::string_view> parts = split(cgroup, '/');
  if (std::find(parts.begin(), parts.end(), "..") != parts.end())
    return fail(ErrorCode::bad_input,
                fmt::format("'{}' goes up with '..'; give the cgroup's own path", cgroup));
  return {};
}

// One '/' between components, none at the end, unless it is all there is.
std::string normalized(std::string_view cgroup) {
  std::string path;
  for (const std::string_view part : split(cgroup, '/')) {
    if (part.empty() || part == ".") continue;
    if (!path.empty() || cgroup.starts_with('/')) path += '/';
    path += part;
  }
  return path.empty() ? "/" : path;
}

Result<std::vector<std::string>> find_directories(const Host& host, const std::string& asked) {
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  if (cgroups.mounts.empty())
    return fail(ErrorCode::missing, "no cgroup hierarchy is mounted on this host");
  std::vector<std::string> found;
  const bool unit = asked.find('/') == std::string::npos;
  if (!unit) found = find_path(host, cgroups, asked.starts_with('/') ? asked : "/" + asked);
  if (!found.empty()) return found;
  BRIM_TRY(const std::vector<Known> known, all_cgroups(host, cgroups));
  for (const Known& each : known)
    if (unit && last_component(each.path) == asked) found.push_back(each.directory);
  if (found.empty()) return no_such_cgroup(asked, known);
  return found;
}

}  // namespace

Result<std::vector<int>> pids_in_cgroup(const Host& host, std::string_view cgroup) {
  BRIM_CHECK(check_name(cgroup));
  BRIM_TRY(const std::vector<std::string> directories, find_directories(host, normalized(cgroup)));
  std::vector<int> pids;
  auto add = [&](const std::string& directory) { return add_pids(host, directory, pids); };
  for (const std::string& directory : directories) BRIM_CHECK(walk(host, directory, add));
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  return pids;
}

}  // namespace brim::host
