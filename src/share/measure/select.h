// SPDX-License-Identifier: Apache-2.0
#pragma once
// From what was asked for on the command line to the subjects of a scan.
//
//   vms      every QEMU virtual machine of the host, its guest RAM
//   pids     these processes, all of their memory
//   names    VMs whose name matches; where none does, processes whose comm does (glob patterns)
//   cgroups  the processes in a cgroup and below; those that are VMs as VMs
//   images   files of guest RAM
// Nothing asked: all VMs; where there are none, the kLargest processes with the most resident
// memory, this one and kernel threads left out.
//
// The same word twice in one option is bad_input. A process that several options name is one
// subject (a VM if --vms, --name or --cgroup found it as one), silently.
// A process named by --pid must be there and readable; one that a group found and that has gone or
// may not be read meanwhile is left out with a warning. Nothing left is an error.

#include "base/cancel.h"
#include "base/result.h"
#include "host/host.h"
#include "host/qemu.h"
#include "share/measure/subject.h"

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace brim::share {

inline constexpr std::size_t kLargest = 20;

struct Selection {
  bool vms = false;
  std::vector<int> pids;
  std::vector<std::string> names;
  std::vector<std::string> cgroups;
  std::vector<std::string> images;

  [[nodiscard]] bool empty() const {
    return !vms && pids.empty() && names.empty() && cgroups.empty() && images.empty();
  }
};

struct Selected {
  // VMs and processes in the order of the options, then images.
  std::vector<std::unique_ptr<Subject>> subjects;
  std::vector<std::string> warnings;  // one line each, for the report
};

// Pure: bad_input if an option has the same value twice.
[[nodiscard]] Result<void> check_repeats(const Selection& selection);
// Shell pattern as fnmatch(3).
[[nodiscard]] bool matches_name(std::string_view name, const std::string& pattern);

// What is worth knowing about a VM before its figures: memory that can't merge, and why. Pure.
[[nodiscard]] std::vector<std::string> vm_warnings(const host::VirtualMachine& machine);

// `host` is used during the call only. `qmp_timeout`: see host/qemu.h. `cancel` stops the opening
// of images, and must outlive the subjects.
[[nodiscard]] Result<Selected> select_subjects(const host::Host& host, const Selection& selection,
                                               std::chrono::milliseconds qmp_timeout,
                                               const Cancel& cancel);

}  // namespace brim::share
