// SPDX-License-Identifier: Apache-2.0
#pragma once
// zram devices: blocks compressed in memory, added and removed through /sys/class/zram-control
// (Documentation/admin-guide/blockdev/zram.rst). Internal to the host room.
//
// The kernel gives each new one a free number. A number is given again once its device is removed;
// `sequence` (diskseq, Linux 5.15) is not, and so tells which device a number meant.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::host {

struct ZramDevice {
  unsigned number = 0;
  std::optional<std::uint64_t> sequence;
  Bytes disksize;  // that it has, or will get
};

[[nodiscard]] std::string zram_path(unsigned number);  // "/dev/zram1"
// Ascending.
[[nodiscard]] Result<std::vector<unsigned>> zram_numbers(const Host& host);
// With a disksize of 0 where it was not set up.
[[nodiscard]] Result<ZramDevice> look_at_zram(const Host& host, unsigned number);

// `missing` where the module is not loaded: brim loads none.
[[nodiscard]] Result<ZramDevice> add_zram(const Host& host);
// An empty algorithm: the kernel's own choice. `bad_input`, naming those there are, where this
// kernel lacks it.
[[nodiscard]] Result<void> set_up_zram(const Host& host, const ZramDevice& device,
                                       const std::string& algorithm);

// Swaps off where it is in use, and removes it. Nothing where the number is another device's now:
// another sequence, or a disksize that is neither 0 nor this.
[[nodiscard]] Result<void> remove_zram(const Host& host, const ZramDevice& device);

}  // namespace brim::host
