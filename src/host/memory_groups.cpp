// SPDX-License-Identifier: Apache-2.0
#include "host/memory_groups.h"

#include "base/text.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

namespace brim::host {
namespace {

constexpr int kDeepestGroup = 16;
// Version 1 says "no limit" with the largest multiple of a page below 2^63.
constexpr std::uint64_t kNoLimit = 1ULL << 62;
// Of control files, not of cgroups.
constexpr std::array<std::string_view, 10> kControlPrefixes = {
    "cgroup.", "memory.", "cpu.", "cpuset.", "io.", "pids.", "hugetlb.", "rdma.", "misc.", "irq."};

bool is_control(std::string_view name) {
  return std::any_of(kControlPrefixes.begin(), kControlPrefixes.end(),
                     [&](std::string_view prefix) { return name.starts_with(prefix); });
}

std::optional<Bytes> number_in(const Host& host, const std::string& path) {
  const auto text = host.read_value(path);
  const auto number = text ? parse_number(*text) : std::nullopt;
  return number && *number < kNoLimit ? std::optional(Bytes(*number)) : std::nullopt;
}

std::optional<Bytes> limit_of(const Host& host, const std::string& folder, bool v2) {
  if (!v2) return number_in(host, folder + "/memory.limit_in_bytes");
  const auto most = number_in(host, folder + "/memory.max");
  const auto high = number_in(host, folder + "/memory.high");
  if (most && high) return std::min(*most, *high);
  return most ? most : high;
}

// Version 2 gives it only to those it is passed on to.
bool has_memory(const Host& host, const CgroupMount& mount, const std::string& name) {
  return host.exists(fmt::format("{}{}/{}", mount.path, name,
                                 mount.v2 ? "memory.current" : "memory.usage_in_bytes"));
}

// Names below the mount, outer ones first.
void add_names(const Host& host, const CgroupMount& mount, const std::string& name, int depth,
               std::vector<std::string>& names) {
  const auto entries = host.list(mount.path + name);
  if (!entries || depth == kDeepestGroup) return;
  for (const std::string& entry : *entries) {
    if (is_control(entry)) continue;
    const std::string below = fmt::format("{}/{}", name, entry);
    if (!has_memory(host, mount, below)) continue;
    names.push_back(below);
    add_names(host, mount, below, depth + 1, names);
  }
}

Result<MemoryGroup> group_at(const Host& host, const CgroupMount& mount, const std::string& name) {
  MemoryGroup group;
  group.name = name;
  group.folder = mount.path + name;
  BRIM_TRY(group.places, group_places(host, name.substr(1)));
  group.limit = limit_of(host, group.folder, mount.v2);
  return group;
}

}  // namespace

Result<std::vector<MemoryGroup>> limited_memory_groups(const Host& host, std::size_t most) {
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  std::vector<MemoryGroup> groups;
  const CgroupMount* const mount = cgroups.with("memory");
  if (mount == nullptr) return groups;
  std::vector<std::string> names;
  add_names(host, *mount, "", 0, names);
  for (const std::string& name : names) {
    if (groups.size() == most) break;
    if (!limit_of(host, mount->path + name, mount->v2)) continue;
    BRIM_TRY(MemoryGroup group, group_at(host, *mount, name));
    groups.push_back(std::move(group));
  }
  return groups;
}

Result<MemoryGroup> find_memory_group(const Host& host, std::string_view asked) {
  BRIM_TRY(const Cgroups cgroups, read_cgroups(host));
  const CgroupMount* const mount = cgroups.with("memory");
  if (mount == nullptr)
    return fail(ErrorCode::missing, "no cgroup hierarchy has the memory controller");
  while (asked.size() > 1 && asked.ends_with('/')) asked.remove_suffix(1);
  if (asked.starts_with(mount->path + "/")) asked.remove_prefix(mount->path.size());
  const std::string path = asked.starts_with('/') ? std::string(asked) : fmt::format("/{}", asked);
  if (path.size() > 1 && path.find("/..") == std::string::npos && has_memory(host, *mount, path))
    return group_at(host, *mount, path);
  std::vector<std::string> names;
  add_names(host, *mount, "", 0, names);
  for (const std::string& name : names)
    if (name.ends_with(path)) return group_at(host, *mount, name);
  const auto near = nearest_word(path, names);
  return fail(ErrorCode::bad_input,
              fmt::format("there is no cgroup '{}' with memory of its own{}", asked,
                          near ? fmt::format("; the nearest name is '{}'", *near) : ""));
}

}  // namespace brim::host
