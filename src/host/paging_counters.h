// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the whole system's memory management has counted since boot: /proc/vmstat (mm/vmstat.c). The
// counters of swap alone are in swap_table.h. What a kernel does not count is nothing.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace brim::host {

struct PagingCounters {
  // pgpgin and pgpgout: all I/O of block devices in KiB, not pages and not of swap alone
  // (block/blk-core.c counts 512-byte sectors, mm/vmstat.c halves them). The name is what vmstat
  // and sar tell as paging.
  std::optional<std::uint64_t> block_in_kibibytes;
  std::optional<std::uint64_t> block_out_kibibytes;
  std::optional<std::uint64_t> faults;        // pgfault: minor and major
  std::optional<std::uint64_t> major_faults;  // pgmajfault
  std::optional<Pages> scanned;               // pgscan_kswapd and pgscan_direct
  std::optional<std::uint64_t> oom_kills;     // 4.13
  // Evicted from the working set, and read back: workingset_refault_anon, _file. Before 5.9 there
  // were those of files alone, as workingset_refault.
  std::optional<Pages> refaults_anonymous;
  std::optional<Pages> refaults_file;
};
[[nodiscard]] PagingCounters parse_paging_counters(std::string_view text);
[[nodiscard]] Result<PagingCounters> read_paging_counters(const Host& host);

}  // namespace brim::host
