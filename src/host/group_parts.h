// SPDX-License-Identifier: Apache-2.0
#pragma once
// A limited group in parts: a cgroup for each of some processes, below the group's own, whose
// memory can be protected: reclaim in the group passes over it as long as there is other to take
// (memory.low). Of version 2 alone.
//
// Whatever else runs in the group goes to one more part: a cgroup that passes a controller on has
// no processes of its own. Parts have no record: they are in the group's folder, and removed with
// it, also where brim was killed.
//
// Documentation/admin-guide/cgroup-v2.rst ("No Internal Process Constraint", memory.low).
//
// LIMIT: what a process had in memory before stays charged to the group itself, and unprotected.

#include "base/result.h"
#include "host/host.h"
#include "host/limited_group.h"

#include <cstddef>
#include <string>
#include <vector>

namespace brim::host {

// `missing` with the reason where groups of this host can't have parts.
[[nodiscard]] Result<void> check_group_parts(const Host& host);

class GroupParts {
 public:
  // A part for each of these processes, which are in the group. What fails leaves some parts, until
  // the group is removed.
  [[nodiscard]] static Result<GroupParts> create(const LimitedGroup& group,
                                                 const std::vector<int>& pids);

  // All that the part has in memory, or nothing of it. By the order of the processes.
  [[nodiscard]] Result<void> protect(std::size_t part, bool protect) const;

 private:
  std::vector<std::string> folders_;
};

// The folder of the part that has whatever else runs in the group.
[[nodiscard]] std::string rest_of_parts(const LimitedGroup& group);

}  // namespace brim::host
