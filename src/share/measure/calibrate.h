// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the handling of a page costs on this machine, as hardware entries state it for the model
// (share/model/mechanism.h: Costs). Each is measured on its own, several times.
//
// What user space can do alike is timed there: hashing (XXH64, as ksmd's checksum), comparing,
// writing, compressing, diffing, looking a block up in a table that the caches don't hold (200 MiB
// meanwhile). What only the kernel does is taken from ksmd's processor time while it works on
// memory of this process: visits of merged pages, merges (the time of merging less the visits,
// checksums and comparisons in it), and write faults on merged pages.
//
// LIMIT: on pages that come in order. ksmd's other work (a page table's walk over untouched memory,
// a step in a tree of many pages that the caches don't hold) is not told apart.
// LIMIT: the table lies in pages of 4 KiB; a kernel's lies in larger ones and is a little faster.
// What breaking a large page costs (large_break_ns) is assumed, not measured.

#include "base/result.h"
#include "host/host.h"
#include "host/journal.h"

#include <string>
#include <string_view>
#include <vector>

namespace brim::share {

struct MeasuredCost {
  std::string_view key;      // as in a hardware entry: "visit_ns"
  std::string_view how;      // one phrase
  std::vector<double> ns{};  // of one page, each time; none where it was not measured
  std::string reason{};      // then: why not
};

// Those that need nothing of the kernel.
[[nodiscard]] std::vector<MeasuredCost> measure_memory_costs();

// Those of KSM, which runs meanwhile; its knobs are put back through the journal. Not measured,
// with the reason: where KSM runs already, can't be set, or memory of other processes is registered
// with it.
[[nodiscard]] std::vector<MeasuredCost> measure_ksm_costs(const host::Host& host,
                                                          host::Journal& journal);

}  // namespace brim::share
