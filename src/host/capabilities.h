// SPDX-License-Identifier: Apache-2.0
#pragma once
// What works on this machine, checked by use where that is harmless, not by version. One table of
// probes, one function each; `brim doctor` prints it.

#include "host/host.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

enum class Works : std::uint8_t { yes, partly, no };
[[nodiscard]] std::string_view name_of(Works works);

struct Capability {
  std::string name;  // "ksm", "ksm_smart_scan", "pagemap_frames", ...
  std::string area;  // "share", "thrash", "napi", "translate", "all"
  Works works = Works::no;
  std::string found;       // what was seen: "run=0, pages_to_scan=100"
  std::string reason;      // why it does not work, or what is limited; empty for yes
  std::string turn_on;     // how to turn it on; empty where nothing can be done or nothing need be
  std::string checked_by;  // "read /sys/kernel/mm/ksm", "madvise of a page of our own"
};

// All probes, in the table's order. Leaves the machine as it found it.
[[nodiscard]] std::vector<Capability> probe_capabilities(const Host& host);

}  // namespace brim::host
