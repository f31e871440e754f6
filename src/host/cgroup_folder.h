// SPDX-License-Identifier: Apache-2.0
#pragma once
// Folders of cgroups that brim made itself: writing their control files, ending what runs in them,
// removing them. Internal to the host room.

#include "base/result.h"

#include <string>
#include <string_view>

namespace brim::host {

// To an existing file.
[[nodiscard]] Result<void> write_control(const std::string& path, const std::string& text);

// Kills what is in it now, and in those below it; whether there was anything.
bool kill_members(const std::string& folder);

// Kills all that runs in it and below it, also what is frozen, waits until it is gone, and removes
// it with those below. Nothing where it is not there; `bad_input`, and nothing done, where its name
// does not begin with `prefix`. `whose`: "brim's guests", for errors.
[[nodiscard]] Result<void> remove_cgroup_folder(const std::string& folder, std::string_view prefix,
                                                std::string_view whose);

}  // namespace brim::host
