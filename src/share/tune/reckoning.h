// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the tuner makes of a snapshot: what a page costs, what ksmd has missed, what scanning would
// gain and cost. Steps of plan(); pure.

#include "share/tune/share_plan.h"

namespace brim::share::tune {

// Whether KSM may take the subject's memory at all.
[[nodiscard]] bool takes_part(const Subject& subject);
// Resident, of all that take part.
[[nodiscard]] Bytes all_memory(const ShareSnapshot& snapshot);
[[nodiscard]] Bytes merged_memory(const ShareSnapshot& snapshot);

// What a page costs, from what ksmd did since the look before.
void learn_cost(const ShareSnapshot& snapshot, ShareHistory& history);
// The cost to set a rate by: of late, or assumed where nothing was measured yet.
[[nodiscard]] double page_cost_ns(const ShareHistory& history);
// The cost to reckon a time of scanning by: of pages that don't merge. Merging costs the same
// whenever it is done, so it says nothing about when.
[[nodiscard]] double visit_cost_ns(const ShareHistory& history);

// New memory, broken pages, the expected gain of scanning and its cost; adds what was missed since
// the look before.
[[nodiscard]] Reckoning reckon(const ShareSnapshot& snapshot, const SharePolicy& policy,
                               ShareHistory& history, Time now);
// How many full scans it takes: see share_plan.h.
[[nodiscard]] unsigned scans_needed(const Reckoning& reckoning, bool probe);

// Since memory was last taken for scanned.
struct Growth {
  Bytes of_known;
  Bytes of_newcomers;
};
[[nodiscard]] Growth growth_since(const ShareSnapshot& snapshot, const ShareHistory& history);

// Takes all memory there is for scanned.
void settle_memory(const ShareSnapshot& snapshot, ShareHistory& history);
// What the time of scanning that ends now gained, against what was expected.
void learn_yield(const ShareSnapshot& snapshot, ShareHistory& history);

// Pressure, with its hysteresis.
[[nodiscard]] bool memory_short(const ShareSnapshot& snapshot, const SharePolicy& policy,
                                const Reserve& reserve, ShareHistory& history, Time now);
[[nodiscard]] Reserve reserve_for(const ShareSnapshot& snapshot, const SharePolicy& policy,
                                  Bytes saved);

}  // namespace brim::share::tune
