// SPDX-License-Identifier: Apache-2.0
#pragma once
// How busy a disk has been: /proc/diskstats (Documentation/admin-guide/iostats.rst).

#include "base/result.h"
#include "host/host.h"

#include <chrono>
#include <string_view>

namespace brim::host {

// Time in which any request to the disk was under way, since boot; of all of the disk, whoever
// asked. `number`: "254:0", as disk_below() (io_limits.h) tells it. `missing` where there is no
// such disk.
[[nodiscard]] Result<std::chrono::milliseconds> read_disk_busy(const Host& host,
                                                               std::string_view number);
[[nodiscard]] Result<std::chrono::milliseconds> parse_disk_busy(std::string_view text,
                                                                std::string_view number,
                                                                std::string_view where);

}  // namespace brim::host
