// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processor time: of the whole host (/proc/stat), of a process, of a kernel thread found by its
// name (ksmd, kswapd0). Counted by the kernel in ticks of USER_HZ, a hundredth of a second.

#include "base/result.h"
#include "host/host.h"
#include "host/process.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace brim::host {

using ProcessorTime = std::chrono::duration<std::int64_t, std::centi>;

// Since boot, summed over all processors.
struct ProcessorTimes {
  ProcessorTime busy{0};  // neither idle nor waiting for I/O nor taken by the host's own host
  ProcessorTime all{0};
  ProcessorTime user{0};     // guests' and nice included
  ProcessorTime system{0};   // interrupts included
  ProcessorTime waiting{0};  // idle, with I/O under way that a process of this processor waits for
};
[[nodiscard]] Result<ProcessorTimes> parse_processor_times(std::string_view text,
                                                           std::string_view where);
[[nodiscard]] Result<ProcessorTimes> read_processor_times(const Host& host);

[[nodiscard]] ProcessorTime processor_time_of(const ProcessStat& stat);

// `missing` where there is no kernel thread of that name, or /proc hides it.
[[nodiscard]] Result<Process> find_kernel_thread(const Host& host, std::string_view name);

}  // namespace brim::host
