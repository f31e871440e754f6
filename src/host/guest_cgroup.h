// SPDX-License-Identifier: Apache-2.0
#pragma once
// A cgroup of its own for one lab guest, with a hard limit of memory: whatever happens in the
// guest, the host keeps the rest. Version 1, 2 and hybrid (system.h); only folders that brim made
// itself, named kGuestCgroupPrefix..., are ever changed or removed, so there is nothing to journal.
//
// Documentation/admin-guide/cgroup-v1/memory.rst, cgroup-v2.rst.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace brim::host {

inline constexpr std::string_view kGuestCgroupPrefix = "brim-lab-";

// Where a guest's cgroup of this name is, or would be. `missing` where no hierarchy has the memory
// controller, or does not pass it on.
[[nodiscard]] Result<std::string> guest_cgroup_path(const Host& host, const std::string& name);

// Kills all that runs in it, waits until it is gone, and removes it. Nothing where it is not there.
[[nodiscard]] Result<void> remove_guest_cgroup(const std::string& path);

class GuestCgroup {
 public:
  // `name` begins with the prefix. Swap counts against the limit where the kernel accounts for it.
  [[nodiscard]] static Result<GuestCgroup> create(const Host& host, const std::string& name,
                                                  Bytes limit);
  ~GuestCgroup();
  GuestCgroup(GuestCgroup&& other) noexcept;
  GuestCgroup& operator=(GuestCgroup&&) = delete;

  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  explicit GuestCgroup(std::string path) : path_(std::move(path)) {}
  std::string path_;  // empty: moved away
};

}  // namespace brim::host
