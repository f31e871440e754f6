// SPDX-License-Identifier: Apache-2.0
#pragma once
// brim's own thrash guard as a control of live runs: `brim guard --only thrash --act` on the
// consumers' group, as a user would start it, in a process of its own.

#include "thrash/live/live_control.h"

namespace brim::cli {

[[nodiscard]] thrash::live::LiveControlPolicy live_guard_control();

}  // namespace brim::cli
