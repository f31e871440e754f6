// SPDX-License-Identifier: Apache-2.0
#pragma once
// The miss-ratio curve of OPT, which evicts the page whose next use is farthest (Belady, "A study
// of replacement algorithms for a virtual-storage computer", IBM Systems Journal 5(2), 1966; it
// loads each page it faults on): its faults with any number of frames, exactly, in one pass forward
// after one backward that finds the next uses.
//
// OPT is a stack algorithm (Mattson, Gecsei, Slutz and Traiger 1970, see stack_distances.h). At a
// reference to the page at distance d its stack changes so: the page comes on top; what was on top
// is carried down; at each distance above d the page whose next use is farther, of the one carried
// and the one that stands there, is carried on and the other stays; at d the one carried stays.
//
// Done step by step that costs d. Here the stack is kept in groups of neighbours, after Sugumar and
// Abraham, "Efficient simulation of caches under optimal replacement with applications to miss
// characterization", SIGMETRICS 1993 (the idea is theirs; the details, from memory of the paper,
// may differ). Within a group next uses are farther from place to place. Then
//   - what is carried through a group comes to its place in that order, and the group's last, if it
//     is farther, is carried on: order is kept, and only the two ends of a group are ever needed;
//   - the page referenced, whose next use is now, the soonest of all, is the first of its group;
//     its place goes to the page carried, which is farther than all of the group above and becomes
//     that group's last. So groups only come into being at the top.
// A group is a heap with two ends of the times of next uses. Which pages they are of does not
// matter.
//
// Cost of a reference: a look at each group above the page, and O(log pages) for each that changes.
// Nothing here bounds the groups; where references were drawn at random there were 30 to 150 of
// them for 4,000 to 1,000,000 pages, of which 2 or 3 changed at a reference; loops have 2.
// Memory: 4 bytes a reference, about 25 a page.
// LIMIT: below 2^32 - 1 references (16 GiB of trace).

#include "base/cancel.h"
#include "thrash/model/page_trace.h"

#include <cstdint>
#include <vector>

namespace brim::thrash::model {

// [n - 1] with n frames, for 1 to trace.pages. Where it is cancelled they are of the references
// until then.
[[nodiscard]] std::vector<std::uint64_t> opt_faults(const PageTrace& trace,
                                                    const Cancel& cancel = kNeverCancelled);

}  // namespace brim::thrash::model
