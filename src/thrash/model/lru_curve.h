// SPDX-License-Identifier: Apache-2.0
#pragma once
// The miss-ratio curve of LRU: its faults with any number of frames, in one pass (Mattson et al.
// 1970, see stack_distances.h). A page's stack distance is the number of pages referenced since its
// last reference, itself included.
//
// One bit a reference, in the order of time, is set where it is some page's last; a distance is a
// count of set bits: within a block of bits by looking, behind it by a tree over the blocks' counts
// (Bennett and Kruskal, "LRU stack processing", IBM Journal of Research and Development 19(4),
// 1975, count in such a way). Once the bits are used up the set ones move together to the front:
// what is looked at stays within a processor's second-level cache up to about a million pages.
//
// Cost: O(log pages) a reference; about 20 bytes a page.
// LIMIT: below 2^30 pages.

#include "base/cancel.h"
#include "thrash/model/page_trace.h"

#include <cstdint>
#include <vector>

namespace brim::thrash::model {

// [n - 1] with n frames, for 1 to trace.pages. Where it is cancelled they are of the references
// until then.
[[nodiscard]] std::vector<std::uint64_t> lru_faults(const PageTrace& trace,
                                                    const Cancel& cancel = kNeverCancelled);

}  // namespace brim::thrash::model
