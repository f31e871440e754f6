// SPDX-License-Identifier: Apache-2.0
#pragma once
// Moves another process's own memory out of, or back into, memory in bulk: process_madvise(2) with
// MADV_PAGEOUT and MADV_WILLNEED on its private anonymous mappings and memfds (guest RAM), and
// memory.reclaim of version 2 cgroups (Linux 5.19). What the kernel does not do is slower later,
// never wrong: contents stay as they are.
//
// LIMIT: pages that others map, too, and locked ones stay. MADV_WILLNEED reads into the swap cache:
// the process still takes a minor fault for each page.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/process.h"

#include <string>

namespace brim::host {

// How much address space the kernel took the advice for: at least what there is of memory in it.
// `missing` on kernels without process_madvise (5.10), `denied` without CAP_SYS_NICE and the right
// to trace it.
[[nodiscard]] Result<Bytes> page_out(const Process& process);
[[nodiscard]] Result<Bytes> prefetch(const Process& process);

// Asks a cgroup to give up so much; `missing` where it has no memory.reclaim. Less is no error.
[[nodiscard]] Result<void> reclaim_group(const Host& host, const std::string& folder, Bytes bytes);

// Keeps brim's own memory in memory from now on, as far as the system lets it: who ends thrashing
// must not take part in it.
void stay_in_memory();

}  // namespace brim::host
