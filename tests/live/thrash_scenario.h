// SPDX-License-Identifier: Apache-2.0
#pragma once
// What thrashes in the live tests, and in the benchmark on cgroup v2.

#include <string_view>

namespace brim::live {

// Four consumers of 32 MB, one more every two seconds, in memory for one and a half. (Smaller
// groups the kernel now and then takes for out of memory.)
inline constexpr std::string_view kThrashScenario = R"(area = "thrash"
[schedule]
duration = "40s"
sample_interval = "1s"
[hardware]
memory = "52000000B"
swap = "disk"
swap_size = "192MiB"
[mechanism]
policy = "system"
[loads.writer]
kind = "uniform"
memory = "32000000B"
accesses = 500
pause = "10ms"
fill = "incompressible"
[live]
probe_memory = "512KiB"
[[guests]]
count = 4
load = "writer"
settle = "1s"
start_interval = "2s"
)";

}  // namespace brim::live
