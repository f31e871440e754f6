// SPDX-License-Identifier: Apache-2.0
#pragma once
// A trace, replayed under a replacement policy with so many frames, none of them filled at first.

#include "base/cancel.h"
#include "base/rng.h"
#include "thrash/model/page_trace.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct ReplayCounts {
  std::uint64_t references = 0;
  std::uint64_t faults = 0;       // cold ones included
  std::uint64_t cold_faults = 0;  // first references
  std::uint64_t writebacks = 0;   // of modified pages that left; what stays resident is not written

  bool operator==(const ReplayCounts&) const = default;
};

// What is replayed, and with how many frames (at least 1). Where it is cancelled the counts are of
// the references until then.
struct ReplayTask {
  const PageTrace& trace;
  std::size_t frames;
  Rng rng = Rng(1);
  const Cancel& cancel = kNeverCancelled;
};

inline constexpr std::size_t kReferencesBetweenCancels = 1 << 16;

// `policy` works on `table`, both fresh.
template <class Policy>
ReplayCounts replay(const ReplayTask& task, PageTable& table, Policy policy) {
  constexpr std::size_t kAhead = 12;
  const PageTrace& trace = task.trace;
  std::vector<bool> seen(trace.pages);
  std::vector<std::uint8_t> resident(trace.pages);
  ReplayCounts counts;
  std::size_t used = 0;
  const auto leave = [&](PageNumber page) {
    table.write_back(page);
    resident[page] = 0;
    --used;
  };
  const std::size_t count = trace.references.size();
  for (std::size_t i = 0; i < count; ++i, ++counts.references) {
    if (i % kReferencesBetweenCancels == 0 && task.cancel.requested()) break;
    if (i + kAhead < count) {
      const PageNumber coming = trace.references[i + kAhead].page();
      __builtin_prefetch(&resident[coming], 1);
      table.prefetch(coming);
      policy.prefetch(coming);
    }
    const Reference reference = trace.references[i];
    const PageNumber page = reference.page();
    table.advance();
    if constexpr (Policy::kLeavesEarly) {
      for (PageNumber gone = policy.leaving(); gone != kNoPage; gone = policy.leaving())
        leave(gone);
    }
    table.note(page, reference.access());
    if (resident[page] != 0) {
      policy.hit(page, reference.access());
      continue;
    }
    ++counts.faults;
    if (!seen[page]) {
      seen[page] = true;
      ++counts.cold_faults;
    }
    policy.miss(page);
    if (used == task.frames) leave(policy.victim());
    policy.load(page, reference.access());
    resident[page] = 1;
    ++used;
  }
  counts.writebacks = table.writebacks();
  return counts;
}

}  // namespace brim::thrash::model
