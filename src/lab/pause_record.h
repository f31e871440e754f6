// SPDX-License-Identifier: Apache-2.0
#pragma once
// Word of a process of others that brim made stand still, on disk before it does, so that `brim
// restore` and brim's next start let it go on where brim and its helper were both killed
// (host/paused_process.h). Process and owner are named by pid and start time.

#include "base/result.h"
#include "host/host.h"
#include "host/process.h"

#include <string>
#include <vector>

namespace brim::lab {

// Gives the file, to be removed once `process` goes on.
[[nodiscard]] Result<std::string> write_pause_record(const host::Host& host,
                                                     const std::string& records,
                                                     const host::Process& process);

// Lets go on what dead brims left standing. A line for each that stood still, and for what is no
// such record.
[[nodiscard]] std::vector<std::string> let_abandoned_go_on(const host::Host& host,
                                                           const std::string& records);

}  // namespace brim::lab
