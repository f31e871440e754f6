// SPDX-License-Identifier: Apache-2.0
#pragma once
// Host context: memory, processors, load, boot id, pressure, and how cgroups are laid out.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "host/host.h"

namespace brim::host {

// /proc/meminfo in bytes.
struct MemoryInfo {
  std::uint64_t total_bytes = 0;
  std::uint64_t free_bytes = 0;
  std::uint64_t available_bytes = 0;
  std::uint64_t swap_total_bytes = 0;
  std::uint64_t swap_free_bytes = 0;
  std::uint64_t anon_huge_bytes = 0;
};
[[nodiscard]] Result<MemoryInfo> read_memory_info(const Host& host);

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
  std::string path;                      // "/sys/fs/cgroup/memory"
  bool v2 = false;
  std::vector<std::string> controllers;  // v1: of the mount; v2: cgroup.controllers of its root
};
struct Cgroups {
  CgroupLayout layout = CgroupLayout::none;
  std::vector<CgroupMount> mounts;
  // The mount that has the memory controller.
  [[nodiscard]] const CgroupMount* with(std::string_view controller) const;
};
// From /proc/self/mounts (fixtures: /proc/mounts); never mounts or moves anything.
[[nodiscard]] Result<Cgroups> read_cgroups(const Host& host);
// Pids in a cgroup given as an absolute path below a mount ("/sys/fs/cgroup/memory/x"), as
// "/x" below any mount, or as a systemd unit name ("machine.slice"); descendants included.
[[nodiscard]] Result<std::vector<int>> pids_in_cgroup(const Host& host, std::string_view cgroup);

// What a run records of the machine.
struct Context {
  std::string kernel;     // uname -r
  std::string cpu_model;
  unsigned processors = 0;
  std::string governor;   // "" where there is none
  double load1 = 0;
  std::uint64_t memory_bytes = 0;
  std::uint64_t swap_bytes = 0;
  std::string boot_id;
  std::string hostname;
  std::string thp;        // "always", "madvise", "never"
};
[[nodiscard]] Result<Context> read_context(const Host& host);

}  // namespace brim::host
