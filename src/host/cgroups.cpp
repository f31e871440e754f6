// SPDX-License-Identifier: Apache-2.0
#include "base/text.h"
#include "host/files.h"
#include "host/process_text.h"
#include "host/system.h"

#include <algorithm>
#include <array>

namespace brim::host {
namespace {

// The controllers a v1 hierarchy can have, which its mount options name among others ("rw",
// "relatime", "xattr", "clone_children" ...). Version 1 gets no new ones.
constexpr std::array<std::string_view, 15> kControllers = {
    "blkio",  "cpu",  "cpuacct", "cpuset",   "debug",      "devices", "freezer", "hugetlb",
    "memory", "misc", "net_cls", "net_prio", "perf_event", "pids",    "rdma"};

std::vector<std::string> controllers_of(std::string_view options) {
  std::vector<std::string> found;
  for (const std::string_view option : split(options, ',')) {
    const bool controller =
        std::find(kControllers.begin(), kControllers.end(), option) != kControllers.end();
    if (controller || option.starts_with("name=")) found.emplace_back(option);
  }
  return found;
}

CgroupLayout layout_of(const std::vector<CgroupMount>& mounts) {
  const auto is_v2 = [](const CgroupMount& mount) { return mount.v2; };
  if (mounts.empty()) return CgroupLayout::none;
  if (std::all_of(mounts.begin(), mounts.end(), is_v2)) return CgroupLayout::v2;
  if (std::none_of(mounts.begin(), mounts.end(), is_v2)) return CgroupLayout::v1;
  return CgroupLayout::hybrid;
}

}  // namespace

std::string_view name_of(CgroupLayout layout) {
  switch (layout) {
    case CgroupLayout::none:
      return "none";
    case CgroupLayout::v1:
      return "v1";
    case CgroupLayout::v2:
      return "v2";
    case CgroupLayout::hybrid:
      return "hybrid";
  }
  return "none";
}

const CgroupMount* Cgroups::with(std::string_view controller) const {
  for (const CgroupMount& mount : mounts) {
    const auto& held = mount.controllers;
    if (std::find(held.begin(), held.end(), controller) != held.end()) return &mount;
  }
  return nullptr;
}

Result<std::vector<CgroupMount>> parse_cgroup_mounts(std::string_view text,
                                                     std::string_view where) {
  std::vector<CgroupMount> mounts;
  Lines lines(text);
  while (const std::optional<std::string_view> line = lines.next()) {
    // "device path type options 0 0", white space inside a field as \040.
    const std::vector<std::string_view> fields = split(*line, ' ');
    if (fields.size() < 4)
      return fail(malformed("expected 'device path type options'", where, lines.number(), *line));
    CgroupMount mount;
    mount.path = unescape_octal(fields[1]);
    mount.v2 = fields[2] == "cgroup2";
    // What is mounted over a path hides what was mounted there before, a cgroup or not.
    std::erase_if(mounts, [&](const CgroupMount& before) { return before.path == mount.path; });
    if (fields[2] == "cgroup") mount.controllers = controllers_of(fields[3]);
    if (fields[2] == "cgroup" || fields[2] == "cgroup2") mounts.push_back(std::move(mount));
  }
  return mounts;
}

Result<Cgroups> read_cgroups(const Host& host) {
  const std::string_view path = host.live() ? "/proc/self/mounts" : "/proc/mounts";
  BRIM_TRY(const std::string text, host.read_file(path));
  Cgroups cgroups;
  BRIM_TRY(cgroups.mounts, parse_cgroup_mounts(text, host.place(path)));
  for (CgroupMount& mount : cgroups.mounts) {
    if (!mount.v2) continue;
    auto held = host.read_value(mount.path + "/cgroup.controllers");
    if (!held && held.error().code != ErrorCode::missing) return fail(std::move(held).error());
    if (!held) continue;
    for (const std::string_view controller : split(*held, ' '))
      if (!controller.empty()) mount.controllers.emplace_back(controller);
  }
  cgroups.layout = layout_of(cgroups.mounts);
  return cgroups;
}

}  // namespace brim::host
