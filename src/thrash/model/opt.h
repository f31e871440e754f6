// SPDX-License-Identifier: Apache-2.0
#pragma once
// The optimal policy: the page whose next reference is farthest in the future leaves (Belady, "A
// study of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966).
// No policy has fewer faults; none can know what this one knows. Of pages that are never referenced
// again the one whose last reference is longest ago leaves, which makes no difference to faults but
// does to writes.
//
// No two pages have the same next reference: what is resident is a set of places in the trace, of
// which the largest is who leaves, and a reference is a hit if its own place is in the set. 4 bytes
// and a bit a reference, and 9 bytes a page, besides the trace.
//
// It minimizes faults, not the pages written back.
//
// LIMIT: at most 2^32 - 2 references.

#include "thrash/model/replay.h"

namespace brim::thrash::model {

// Counts nothing where it is cancelled before it has seen the whole future.
[[nodiscard]] ReplayCounts replay_opt(const ReplayTask& task);

}  // namespace brim::thrash::model
