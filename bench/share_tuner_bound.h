// SPDX-License-Identifier: Apache-2.0
#pragma once
// The least processor time of ksmd for which memory can be saved, given KSM's rules and what a
// page's handling costs: what no tuner can do better than. Closed forms; nothing is simulated.
//
// A page is hashed at two visits before it can merge; one that merged before and was written with
// what it held, at one. A merge is two comparisons of equal pages (of the search that finds the
// frame, and again once the page is protected) and the merge itself. Left out, and so a bound:
// searching the trees, pages that never merge after their second visit, that ksmd takes time, that
// frames take max_page_sharing pages only.
//
// Two bounds: of a ksmd that could go to any page at any time and knew when it will be written
// next; and of one that goes round, as it does, and comes to every page each time.

#include "base/units.h"
#include "share/model/mechanism.h"

#include <cstdint>
#include <vector>

namespace brim::bench {

// Written at random places, so many of its pages each cycle, with what they hold.
struct RewrittenLoad {
  double pages = 0;
  double writes = 0;  // a cycle
  std::uint64_t cycles = 0;
  double cycle_s = 0;
  double steady_pages = 0;       // of others that merge, and stay
  double unmergeable_pages = 0;  // of others that are hashed twice in vain
};

struct SavingAtCost {
  double saved_gib_s = 0;
  double ksmd_s = 0;
};

[[nodiscard]] double possible_gib_s(const RewrittenLoad& load);
// From the cheapest saving on; cost rises faster than the saving along each.
[[nodiscard]] std::vector<SavingAtCost> bound_at_will(const RewrittenLoad& load,
                                                      const share::model::Costs& costs);
// With the cycles after whose writes ksmd goes round; twice in the first.
struct Rounds {
  SavingAtCost outcome;
  std::vector<std::uint64_t> after_cycles;
};
[[nodiscard]] std::vector<Rounds> bound_going_round(const RewrittenLoad& load,
                                                    const share::model::Costs& costs);
// The least time for a saving, between the points of a bound; what is before the first costs as
// much a GiB s as that.
[[nodiscard]] double least_ksmd_s(const std::vector<SavingAtCost>& bound, double saved_gib_s);

}  // namespace brim::bench
