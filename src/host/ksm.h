// SPDX-License-Identifier: Apache-2.0
#pragma once
// KSM's knobs and global counters, /sys/kernel/mm/ksm (Documentation/admin-guide/mm/ksm.rst).
//
// The counters are global and stale: they include every mergeable process of the host, and pages
// that changed or went away count until ksmd comes round again. Judge a VM by its own page flags
// and smaps. Files that a kernel lacks are nothing (6.1: no general_profit, smart_scan, advisor).

#include "base/result.h"
#include "host/host.h"

#include <cstdint>
#include <optional>
#include <string>

namespace brim::host {

struct Ksm {
  // Knobs.
  int run = 0;  // 0 stopped, 1 running, 2 stopped and unmerged
  std::uint64_t pages_to_scan = 0;
  std::uint64_t sleep_millisecs = 0;
  std::optional<bool> merge_across_nodes;
  std::optional<std::uint64_t> max_page_sharing;
  std::optional<bool> use_zero_pages;
  std::optional<bool> smart_scan;
  std::optional<std::string> advisor_mode;  // the chosen one: "none", "scan-time"
  std::optional<std::uint64_t> stable_node_chains_prune_millisecs;
  // Counters.
  std::uint64_t pages_shared = 0;
  std::uint64_t pages_sharing = 0;
  std::uint64_t pages_unshared = 0;
  std::uint64_t pages_volatile = 0;
  std::uint64_t full_scans = 0;
  std::optional<std::uint64_t> stable_node_chains;
  std::optional<std::uint64_t> stable_node_dups;
  std::optional<std::uint64_t> ksm_zero_pages;
  std::optional<std::uint64_t> pages_scanned;
  std::optional<std::uint64_t> pages_skipped;
  std::optional<std::int64_t> general_profit_bytes;
  std::optional<std::uint64_t> copies_on_write;  // cow_ksm of /proc/vmstat (5.19), since boot
};

// `missing` where the kernel has no KSM.
[[nodiscard]] Result<Ksm> read_ksm(const Host& host);

// A process other than this whose memory KSM may merge, by the flags of its mappings; nothing where
// none that can be read has any.
[[nodiscard]] Result<std::optional<int>> find_mergeable_process(const Host& host);

}  // namespace brim::host
