// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which Cause a page of a live process gets should its frame turn out to duplicate another. Pure:
// from the mapping it lies in (smaps VmFlags), its own flags (/proc/kpageflags) and KSM's state.
// The precedence is that of Cause (subject.h); `changing` is the scan's own, from a second look.
//
// shared_mapping: the mapping is MAP_SHARED (VmFlags sh or ms), or the page belongs to shmem or a
// memfd (a private mapping of one, not yet written to).
// file_backed: the page is not anonymous (KPF_ANON unset) in a private mapping of a file; once
// written to, it is anonymous and KSM takes it where registered.
// not_mergeable: the mapping has no VmFlag mg and the process no prctl(PR_SET_MEMORY_MERGE), or it
// is of a kind that KSM refuses: io, pf, mm, de, ht, dp (vma_ksm_compatible() in the kernel's
// mm/ksm.c). Memory of hugetlbfs (ht) is under it even where it is shared as well: making it
// private would free nothing.
// max_page_sharing: the frame is a KSM frame: the one kept for its content is another KSM frame
// (with merge_across_nodes=0 it may be the other node's).
// ksm_off: not yet merged, and ksmd is not going round: run is not 1, or pages_to_scan is 0 with no
// advisor to raise it. Asked only of frames that are not KSM's already.
// huge_page: part of a large folio (KPF_THP).
// not_scanned_yet: ksm_stat's ksm_rmap_items, the pages ksmd has seen, are fewer than the anonymous
// resident pages in registered mappings (by more than 1 %), or ksmd has not finished two rounds
// since it was set up (a page merges on its second at the earliest, when its checksum has stayed
// the same).
// other: none of these: ksmd has been round, yet it is not merged (it changes too often for ksmd
// and not for us, smart_scan skips it, another NUMA node, ...).

#include "host/ksm.h"
#include "host/process.h"
#include "share/measure/subject.h"

#include <cstdint>
#include <optional>

namespace brim::share {

// What of a mapping matters for its pages.
struct MappingRules {
  bool readable_memory = true;  // false: device memory, [vvar], [vsyscall], [vdso]: never read
  bool shared = false;          // MAP_SHARED
  bool shmem = false;           // of shmem or a memfd, shared or private
  bool hugetlb = false;         // of hugetlbfs
  bool registered = false;      // KSM may take its anonymous pages
};
[[nodiscard]] MappingRules rules_for(const host::SmapsEntry& entry, bool merge_any);

// KSM as it was when the subject was opened.
struct KsmState {
  bool running = false;          // ksmd goes round
  bool seen_everything = false;  // twice, and all that the process has registered
};
// `ksm`: nothing where the kernel has none. `registered_pages`: anonymous and resident.
[[nodiscard]] KsmState ksm_state(const std::optional<host::Ksm>& ksm, const host::KsmStat& stat,
                                 std::uint64_t registered_pages);

// `page_flags`: /proc/kpageflags of the page's frame.
[[nodiscard]] Cause cause_of(const MappingRules& mapping, std::uint64_t page_flags,
                             const KsmState& ksm);

// All of PageFacts for a present page.
[[nodiscard]] PageFacts facts_of(const MappingRules& mapping, std::uint64_t frame,
                                 std::uint64_t page_flags, std::uint64_t map_count,
                                 const KsmState& ksm);

}  // namespace brim::share
