// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where the lab's things are on this machine.

#include "base/result.h"

#include <string>

namespace brim::cli {

// What was typed, else $BRIM_LAB_CACHE, $XDG_CACHE_HOME/brim, /var/cache/brim for root,
// ~/.cache/brim.
[[nodiscard]] Result<std::string> lab_cache_directory(const std::string& typed);

// The static brim-agent: what was typed, else beside the program as it is built, or where it is
// installed.
[[nodiscard]] Result<std::string> agent_program(const std::string& typed);

}  // namespace brim::cli
