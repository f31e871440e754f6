// SPDX-License-Identifier: Apache-2.0
#pragma once
// `brim share fit`, added to the commands of the area.

#include "cli/session.h"

namespace brim::cli {

void add_share_fit(CLI::App& area, Session& session);

}  // namespace brim::cli
