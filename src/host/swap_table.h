// SPDX-License-Identifier: Apache-2.0
#pragma once
// Swap areas and what moves through them: /proc/swaps, the counters of /proc/vmstat, of a zram
// device and of zswap. proc(5), Documentation/admin-guide/blockdev/zram.rst, .../mm/zswap.rst.
//
// All of it is of the whole system: another process that swaps meanwhile moves these numbers, too.
// What a kernel does not count is nothing.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

struct SwapEntry {
  std::string path;        // of a file that has no name any more: its old one and " (deleted)"
  bool partition = false;  // a block device of any kind
  Bytes size;              // without the header's page
  Bytes used;
  int priority = 0;  // the highest is filled first; below 0: none was asked for
};
// In the kernel's order; empty where there are none, `missing` where the kernel has no swap.
[[nodiscard]] Result<std::vector<SwapEntry>> read_swap_table(const Host& host);
[[nodiscard]] Result<std::vector<SwapEntry>> parse_swap_table(std::string_view text,
                                                              std::string_view where);
// Nothing where `path` is no area in use.
[[nodiscard]] Result<std::optional<SwapEntry>> find_swap(const Host& host, std::string_view path);

// Pages since boot.
struct SwapCounters {
  std::optional<Pages> in;       // pswpin: read from an area; zram is one, zswap is not
  std::optional<Pages> out;      // pswpout
  std::optional<Pages> zero_in;  // swpin_zero, 6.13: pages of zeros, which go nowhere
  std::optional<Pages> zero_out;
  std::optional<Pages> zswap_in;
  std::optional<Pages> zswap_out;
  std::optional<Pages> zswap_written_back;  // zswpwb, 6.9: from zswap to the area behind it
};
[[nodiscard]] Result<SwapCounters> read_swap_counters(const Host& host);

// Of one zram device since it was set up.
struct ZramUse {
  Bytes original;    // of what is stored, without pages of one repeated word
  Bytes compressed;  // the same, compressed
  Bytes memory;      // taken from the host for it, with the allocator's losses
  Bytes memory_peak;
  Pages same_filled;
  std::optional<Pages> incompressible;  // huge_pages of mm_stat, 4.19
  std::uint64_t reads = 0;              // requests
  std::uint64_t writes = 0;
  std::uint64_t failed_reads = 0;
  std::uint64_t failed_writes = 0;
};
[[nodiscard]] Result<ZramUse> read_zram_use(const Host& host, unsigned number);

// What zswap holds now, for all areas. `missing` before Linux 5.19, which told it in debugfs alone.
struct ZswapUse {
  Bytes original;
  Bytes memory;  // taken from the host for it
};
[[nodiscard]] Result<ZswapUse> read_zswap_use(const Host& host);

}  // namespace brim::host
