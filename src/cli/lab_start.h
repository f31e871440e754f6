// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the lab's commands share, and `brim lab start`.

#include "base/result.h"
#include "cli/session.h"

#include <string>

namespace brim::cli {

// $XDG_CACHE_HOME/brim, /var/cache/brim for root, else ~/.cache/brim, where no folder is typed.
[[nodiscard]] Result<std::string> lab_cache_directory(const std::string& typed);
void add_lab_cache_option(CLI::App& command, std::string& directory);

void add_lab_start_command(CLI::App& area, Session& session);

}  // namespace brim::cli
