// SPDX-License-Identifier: Apache-2.0
#pragma once
// The running program, in a file of its own: what is started from there has pages that nobody else
// keeps in memory, so that they can be evicted and must be read again, as any program's.

#include "base/fd.h"
#include "base/result.h"

#include <string>

namespace brim::host {

// A copy in a file without a name (O_TMPFILE) in `folder`, open for reading, to be started with
// fexecve(3): gone once nobody has it open. `denied` or `missing` where there can be none.
[[nodiscard]] Result<Fd> copy_of_own_program(const std::string& folder);

}  // namespace brim::host
