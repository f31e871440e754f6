// SPDX-License-Identifier: Apache-2.0
// How cgroups are laid out, and which controls of memory and of running they offer. By files alone:
// making a cgroup would change the host.
#include "host/probe.h"
#include "host/system.h"

#include <fmt/format.h>

namespace brim::host {
namespace {

constexpr char kUnified[] = "boot with systemd.unified_cgroup_hierarchy=1";

const CgroupMount* unified(const Cgroups& cgroups) {
  for (const CgroupMount& mount : cgroups.mounts)
    if (mount.v2) return &mount;
  return nullptr;
}

void probe_cgroups(const Host& host, Capability& capability) {
  const auto cgroups = read_cgroups(host);
  if (!cgroups) return works_not(capability, error_line(cgroups.error()));
  const std::string layout(name_of(cgroups->layout));
  switch (cgroups->layout) {
    case CgroupLayout::none:
      return works_not(capability, "no cgroup hierarchy is mounted",
                       "mount -t cgroup2 none /sys/fs/cgroup");
    case CgroupLayout::v2:
      return works(capability, layout);
    case CgroupLayout::v1:
    case CgroupLayout::hybrid:
      return works_partly(capability, layout, "controllers are bound to v1 hierarchies", kUnified);
  }
}

void probe_memory(const Host& host, Capability& capability) {
  const auto cgroups = read_cgroups(host);
  const CgroupMount* mount = cgroups ? cgroups->with("memory") : nullptr;
  if (mount == nullptr)
    return works_not(capability, "no hierarchy has the memory controller",
                     "boot without cgroup_disable=memory");
  const std::string found = fmt::format("{}, {}", mount->v2 ? "v2" : "v1", mount->path);
  if (mount->v2) return works(capability, found);
  works_partly(capability, found, "v1: hard limits, but no memory.low, memory.high, memory.reclaim",
               kUnified);
}

// A cgroup below the mount that has this file; "" if none has. Two levels are enough: what the
// root's children have, they have by the root's subtree_control.
std::string cgroup_with(const Host& host, const std::string& mount, std::string_view file) {
  const auto names = host.list(mount);
  if (!names) return {};
  for (const std::string& name : *names) {
    std::string below = fmt::format("{}/{}", mount, name);
    if (host.exists(fmt::format("{}/{}", below, file))) return below;
  }
  return {};
}

void probe_memory_file(const Host& host, Capability& capability, std::string_view file,
                       std::string_view since) {
  const auto cgroups = read_cgroups(host);
  const CgroupMount* mount = cgroups ? cgroups->with("memory") : nullptr;
  if (mount == nullptr || !mount->v2)
    return works_not(capability,
                     mount == nullptr ? "no hierarchy has the memory controller"
                                      : "the memory controller is bound to v1",
                     kUnified);
  // memory.reclaim is in the root too; the others in cgroups below it only.
  std::string where = cgroup_with(host, mount->path, file);
  if (where.empty() && host.exists(fmt::format("{}/{}", mount->path, file))) where = mount->path;
  if (!where.empty()) return works(capability, fmt::format("in {}", where));
  if (cgroup_with(host, mount->path, "memory.max").empty())
    return works_partly(capability, mount->path,
                        "no cgroup has memory controls: the root does not pass them on",
                        fmt::format("echo +memory > {}/cgroup.subtree_control", mount->path));
  works_not(capability, fmt::format("no cgroup has {}", file),
            fmt::format("boot Linux {} or newer", since));
}

void probe_low(const Host& host, Capability& capability) {
  probe_memory_file(host, capability, "memory.low", "4.5");
}
void probe_high(const Host& host, Capability& capability) {
  probe_memory_file(host, capability, "memory.high", "4.5");
}
void probe_reclaim(const Host& host, Capability& capability) {
  probe_memory_file(host, capability, "memory.reclaim", "5.19");
}

void probe_freeze(const Host& host, Capability& capability) {
  const auto cgroups = read_cgroups(host);
  if (!cgroups) return works_not(capability, error_line(cgroups.error()));
  if (const CgroupMount* mount = unified(*cgroups)) {
    const std::string where = cgroup_with(host, mount->path, "cgroup.freeze");
    if (!where.empty()) return works(capability, fmt::format("cgroup.freeze in {}", where));
  }
  if (const CgroupMount* freezer = cgroups->with("freezer"); freezer != nullptr && !freezer->v2)
    return works_partly(capability, fmt::format("the v1 freezer, {}", freezer->path),
                        "no v2 cgroup has cgroup.freeze (one may be made)");
  if (unified(*cgroups) != nullptr)
    return works_partly(capability, unified(*cgroups)->path,
                        "no cgroup exists below the root to see cgroup.freeze in");
  works_not(capability, "no v2 hierarchy and no freezer", kUnified);
}

constexpr Probe kCgroupProbes[] = {
    {"cgroups", "thrash", false, "read /proc/mounts", probe_cgroups},
    {"cgroup_memory", "thrash", false, "read /proc/mounts and cgroup.controllers", probe_memory},
    {"cgroup_freeze", "thrash", false, "look for cgroup.freeze", probe_freeze},
    {"memory_low", "thrash", false, "look for memory.low", probe_low},
    {"memory_high", "thrash", false, "look for memory.high", probe_high},
    {"memory_reclaim", "thrash", false, "look for memory.reclaim", probe_reclaim},
};

}  // namespace

std::span<const Probe> cgroup_probes() { return kCgroupProbes; }

}  // namespace brim::host
