// SPDX-License-Identifier: Apache-2.0
#pragma once
// Controls of the model (thrash/model/thrash_control.h), by their own code, on live consumers:
// those that need no more of a kernel than to stop a process, let it go on, and move its memory out
// or in.
//
//   freebsd-suspension, medium-term-scheduler, multiprogramming-level, solaris-swapping, and
//   sigstop-round-robin with bulk=true
//
// and, where cgroups of version 2 limit memory,
//
//   swap-token, tpf
//
// What they see of this machine, 50 times a second:
//   frames, swapped         VmRSS and VmSwap of the process: its program's are among them
//   runnable, blocked       state R; state D
//   ran_at                  when its processor time was last seen to have grown (in ticks of 10 ms)
//   free frames             what consumers can have less what the group has
//   watermarks              those of a machine of this size (linux_watermarks())
//   pages in and out        the system's pswpin and pswpout
//   processor times         the system's since its start; paging is not told
//   device_busy             of the swap file's disk, by whomever; none for compressed memory
//   faults                  major ones of each process since the last look, one of each in turns
// freeze and thaw are SIGSTOP and SIGCONT; order_out and order_in process_madvise(2) in bulk;
// exempt is memory.low of a cgroup that the consumer has for itself: reclaim in the group passes
// over all it has, and as in Linux 2.6 takes it where there is nothing else.
//
// LIMIT: a consumer is one process to them: programs, which are several, are refused.
// LIMIT: tpf goes by how busy processors are with anything, other programs, paging and compression
// among it. On a fast device or a slow processor thrashing keeps them busy, and with the paper's
// bounds it does nothing. At its first look, a second after the start, processor use is that since
// the system's start, and faults those since the process's. It acts on two looks in a row.
// LIMIT: protection is from reclaim in the group. Where each consumer has a limit of its own
// (mechanism.scope = "local") it protects from nothing.
// LIMIT: in which order faults of 20 ms came is not seen: the one that is told first is another at
// each look. The token by priority counts how many faults lie between two of a process: there it
// goes by the shares of 20 ms.
// LIMIT: of consumers that have the whole machine, free frames are MemAvailable: what the system
// itself has comes and goes.

#include "thrash/live/live_control.h"

#include <vector>

namespace brim::thrash::live {

// Sorted by name.
[[nodiscard]] std::vector<LiveControlPolicy> model_controls();
// The control of this name, which must be one of the model's own.
[[nodiscard]] Result<std::unique_ptr<LiveControl>> make_model_control(
    std::string_view name, const host::Host& host, const study::Settings& settings);

}  // namespace brim::thrash::live
