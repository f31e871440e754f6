// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the lab's commands share, and `brim lab start`.

#include "cli/session.h"

#include <string>

namespace brim::cli {

void add_lab_cache_option(CLI::App& command, std::string& directory);

void add_lab_start_command(CLI::App& area, Session& session);

}  // namespace brim::cli
