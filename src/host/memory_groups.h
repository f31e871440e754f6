// SPDX-License-Identifier: Apache-2.0
#pragma once
// The cgroups of this host that have a limit of memory, in any layout. Reads only.
//
// The limit is that of the group itself: memory.max or, where that is less, memory.high of version
// 2; memory.limit_in_bytes of version 1.

#include "base/result.h"
#include "base/units.h"
#include "host/group_layout.h"
#include "host/host.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

struct MemoryGroup {
  std::string name;    // "/machine.slice/a", below the mount of the memory controller
  std::string folder;  // there
  GroupPlaces places;  // of all its parts; in hybrid layouts its twins of the same name
  std::optional<Bytes> limit;
};

// Those with a limit, outer ones first; at most so many. None without a memory controller.
[[nodiscard]] Result<std::vector<MemoryGroup>> limited_memory_groups(const Host& host,
                                                                     std::size_t most);
// By its path, with the mount or without, or by its last name. `bad_input` where there is none.
[[nodiscard]] Result<MemoryGroup> find_memory_group(const Host& host, std::string_view asked);

}  // namespace brim::host
