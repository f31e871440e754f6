// SPDX-License-Identifier: Apache-2.0
#pragma once
// A limited group in parts: a cgroup for each of some processes, below the group's own. A part can
// have a limit of memory of its own, within the group's. In version 2 it can also be protected:
// reclaim in the group passes over it as long as there is other to take (memory.low).
//
// Whatever else runs in the group has no limit but the group's. In version 2 it goes to one more
// part: a cgroup that passes a controller on has no processes of its own. Parts have no record:
// they are in the group's folder, and removed with it, also where brim was killed.
//
// Documentation/admin-guide/cgroup-v2.rst ("No Internal Process Constraint", memory.low,
// memory.max); cgroup-v1/memory.rst (memory.limit_in_bytes, memory.use_hierarchy).
//
// LIMIT: what a process had in memory before stays charged to the group itself, neither limited nor
// protected.
// LIMIT: a part is for one process, and for what that starts from then on.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/limited_group.h"

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace brim::host {

// `missing` with the reason where parts of this host's groups can't be protected.
[[nodiscard]] Result<void> check_part_protection(const Host& host);

class GroupParts {
 public:
  // A part for each of these processes, which are in the group; `host` must outlive the parts. What
  // fails leaves some parts, until the group is removed.
  [[nodiscard]] static Result<GroupParts> create(const Host& host, const LimitedGroup& group,
                                                 const std::vector<int>& pids);

  // Parts are in the order of the processes. What a part has beyond its new limit leaves before
  // this comes back. Where it can't leave, as where swap is full: `io` after some seconds in
  // version 1; in version 2 the kernel kills in the part.
  [[nodiscard]] Result<void> limit(std::size_t part, Bytes memory) const;
  // All that the part has in memory, or nothing of it. Of version 2 alone.
  [[nodiscard]] Result<void> protect(std::size_t part, bool protect) const;

  // Processes in parts that the kernel has killed as memory ran out, and that the group's own count
  // lacks: version 1 counts them where they were, version 2 in all above as well.
  [[nodiscard]] std::uint64_t uncounted_oom_kills() const;

 private:
  GroupParts(const Host& host, bool v2) : host_(&host), v2_(v2) {}

  const Host* host_;
  bool v2_;
  std::vector<std::string> folders_;
};

// The folder of the part that has whatever else runs in the group.
[[nodiscard]] std::string rest_of_parts(const LimitedGroup& group);

}  // namespace brim::host
