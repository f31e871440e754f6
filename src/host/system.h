// SPDX-License-Identifier: Apache-2.0
#pragma once
// Host context: memory, processors, load, boot id, pressure, and how cgroups are laid out.

#include "base/result.h"
#include "host/host.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

// /proc/meminfo in bytes. Kernels without swap, or huge pages, have 0 of them.
struct MemoryInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;  // free_bytes on kernels before 3.14, which don't say
  std::uint64_t swap_total_bytes = 0;
  std::uint64_t swap_free_bytes = 0;
  std::uint64_t anon_huge_bytes = 0;
};
[[nodiscard]] Result<MemoryInfo> read_memory_info(const Host& host);
[[nodiscard]] Result<MemoryInfo> parse_memory_info(std::string_view text, std::string_view where);

// Pressure stall information of one resource (Documentation/accounting/psi.rst).
struct PressureLine {
  double avg10 = 0;  // percent
  double avg60 = 0;
  double avg300 = 0;
  std::uint64_t total_us = 0;
};
struct Pressure {
  PressureLine some;
  std::optional<PressureLine> full;
};
// `path`: "/proc/pressure/memory" or a cgroup's memory.pressure. `missing` without PSI.
[[nodiscard]] Result<Pressure> read_pressure(const Host& host, std::string_view path);
[[nodiscard]] Result<Pressure> parse_pressure(std::string_view text, std::string_view where);

enum class CgroupLayout : std::uint8_t { none, v1, v2, hybrid };
[[nodiscard]] std::string_view name_of(CgroupLayout layout);

struct CgroupMount {
  std::string path;  // "/sys/fs/cgroup/memory"
  bool v2 = false;
  // v1: of the mount, a named hierarchy as "name=systemd"; v2: cgroup.controllers of its root.
  std::vector<std::string> controllers;
};
struct Cgroups {
  CgroupLayout layout = CgroupLayout::none;
  std::vector<CgroupMount> mounts;
  // The mount that has this controller ("memory"); null if none has.
  [[nodiscard]] const CgroupMount* with(std::string_view controller) const;
};
// From /proc/self/mounts (fixtures: /proc/mounts); never mounts or moves anything.
[[nodiscard]] Result<Cgroups> read_cgroups(const Host& host);
// The mounts of the text, controllers of v2 left empty. Pure.
[[nodiscard]] Result<std::vector<CgroupMount>> parse_cgroup_mounts(std::string_view text,
                                                                   std::string_view where);
// Pids in a cgroup given as an absolute path below a mount ("/sys/fs/cgroup/memory/x"), as
// "/x" below any mount, or as a systemd unit name ("machine.slice"); descendants included.
// A path or name that exists in several hierarchies, or at several places, means all of them.
// `bad_input` if there is no such cgroup, naming the nearest one there is. Ascending, without
// processes of other pid namespaces (which the kernel shows as 0).
[[nodiscard]] Result<std::vector<int>> pids_in_cgroup(const Host& host, std::string_view cgroup);

// What a run records of the machine.
struct Context {
  std::string kernel;  // uname -r
  std::string cpu_model;
  unsigned processors = 0;
  std::string governor;  // "" where there is none, as for all texts below
  double load1 = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::string boot_id;
  std::string hostname;
  std::string thp;  // "always", "madvise", "never"
};
// An error without /proc/meminfo or /proc/sys/kernel/osrelease; the rest is empty where it is
// absent.
[[nodiscard]] Result<Context> read_context(const Host& host);

}  // namespace brim::host
