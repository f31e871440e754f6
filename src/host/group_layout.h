// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the parts of a cgroup are, in any layout: one folder in pure version 2; in version 1 one in
// the hierarchy of each controller; in hybrid ones the limit in a version 1 hierarchy and a twin of
// the same name in the version 2 one, which freezes and tells pressure without any controller.
//
// Documentation/admin-guide/cgroup-v2.rst, cgroup-v1/.

#include "base/result.h"
#include "host/host.h"
#include "host/system.h"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

enum class GroupPart : std::uint8_t { freezing, memory, pressure, processor, io };
inline constexpr std::size_t kGroupParts = 5;

struct PartPlace {
  std::string folder;  // empty: this layout has no such part
  bool v2 = false;
  std::string why_not;  // and what would help, where it is not there
};

struct GroupPlaces {
  std::array<PartPlace, kGroupParts> parts;

  [[nodiscard]] const PartPlace& operator[](GroupPart part) const {
    return parts[static_cast<std::size_t>(part)];
  }
  // Each once; what freezes is the first, for it must be gone before the rest can end.
  [[nodiscard]] std::vector<std::string> folders() const;
};

// Of a group of this name right below the mounts, or where it would be.
[[nodiscard]] Result<GroupPlaces> group_places(const Host& host, const std::string& name);

// `missing`, and how to turn it on, where the root of a version 2 hierarchy does not pass a
// controller on to the cgroups below it.
[[nodiscard]] Result<void> check_passed_on(const Host& host, const CgroupMount& mount,
                                           std::string_view controller);

}  // namespace brim::host
