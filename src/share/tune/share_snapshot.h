// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tuner of page sharing knows of a host at one moment: values only, from a live host, a
// fixture or a simulated one.
//
// The figures of every look are cheap ones. Those that make the kernel walk a process's page tables
// (Details) are there only when somebody took the time.

#include "base/units.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::share::tune {

using Time = std::chrono::nanoseconds;  // of a steady clock, from whatever start

// /sys/kernel/mm/ksm, without "pages_..." counters. Nothing: this kernel has no such file.
struct KsmKnobs {
  int run = 0;  // 0 stopped, merged pages stay; 1 running; 2 stopped and unmerged
  std::uint64_t pages_to_scan = 0;
  std::chrono::milliseconds sleep{0};
  std::optional<bool> smart_scan;
  std::optional<std::string> advisor_mode;  // "none", "scan-time"
  std::optional<std::uint64_t> advisor_max_cpu;
  std::optional<std::uint64_t> advisor_target_scan_time;  // s
};

// How far ksmd is, all counts since boot.
struct KsmProgress {
  std::uint64_t full_scans = 0;
  std::optional<Pages> scanned;
  Pages sharing;                // what merging saved, stale where ksmd has not come by since
  std::optional<Pages> broken;  // merged pages that were copied on write (cow_ksm of /proc/vmstat)
  Time ksmd_cpu{0};
};

// A VM or another process with memory registered with KSM.
struct Subject {
  int pid = 0;
  std::uint64_t start_ticks = 0;  // with the pid it names the process
  std::string name;
  bool machine = false;  // a QEMU VM
  bool mergeable = true;
  bool shared_mapping = false;  // its RAM is share=on: KSM never takes it
  Bytes resident;
  Bytes merged;  // as KSM counts it

  struct Details {
    Bytes anonymous;
    Bytes saved;  // anonymous less its proportional share of it
    Bytes huge;
    std::optional<Bytes> potential;  // of `brim share scan`: what one copy each would free
  };
  std::optional<Details> details;
};

struct ShareSnapshot {
  KsmKnobs knobs;
  KsmProgress progress;
  Bytes memory;
  Bytes available;                         // what is free, and what the kernel can drop
  std::optional<double> pressure_percent;  // memory, some, avg10
  std::vector<Subject> subjects;           // by pid
  std::optional<Bytes> potential;          // of all of them together, where a scan measured it
};

}  // namespace brim::share::tune
