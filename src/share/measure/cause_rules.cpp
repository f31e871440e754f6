// SPDX-License-Identifier: Apache-2.0
#include "share/measure/cause_rules.h"

#include "host/frame_table.h"

#include <algorithm>
#include <array>
#include <limits>
#include <string_view>

namespace brim::share {
namespace {

using host::PageFlag;

bool has_any_flag(const host::SmapsEntry& entry, std::initializer_list<std::string_view> flags) {
  return std::any_of(flags.begin(), flags.end(),
                     [&](std::string_view flag) { return entry.has_flag(flag); });
}

// The kernel's own pages in a process: nobody's memory, and some of them fault when read.
bool is_kernel_page(std::string_view path) {
  constexpr std::array kNames = {"[vvar]", "[vvar_vclock]", "[vsyscall]", "[vdso]", "[uprobes]"};
  return std::find(kNames.begin(), kNames.end(), path) != kNames.end();
}

bool is_shmem(const host::Mapping& mapping) {
  constexpr std::array<std::string_view, 4> kPrefixes = {"/memfd:", "/SYSV", "/dev/zero",
                                                         "/dev/shm/"};
  return std::any_of(kPrefixes.begin(), kPrefixes.end(),
                     [&](std::string_view prefix) { return mapping.path.starts_with(prefix); });
}

}  // namespace

MappingRules rules_for(const host::SmapsEntry& entry, bool merge_any) {
  MappingRules rules;
  rules.readable_memory = !has_any_flag(entry, {"io", "pf"}) && !is_kernel_page(entry.mapping.path);
  rules.shared = entry.mapping.shared || has_any_flag(entry, {"sh", "ms"});
  rules.shmem = is_shmem(entry.mapping);
  rules.hugetlb = entry.has_flag("ht");
  const bool refused = rules.shared || has_any_flag(entry, {"io", "pf", "mm", "de", "ht", "dp"});
  rules.registered = !refused && (entry.has_flag("mg") || merge_any);
  return rules;
}

KsmState ksm_state(const std::optional<host::Ksm>& ksm, const host::KsmStat& stat,
                   std::uint64_t registered_pages) {
  if (!ksm) return {};
  KsmState state;
  const bool advised = ksm->advisor_mode && *ksm->advisor_mode != "none";
  state.running = ksm->run == 1 && (ksm->pages_to_scan > 0 || advised);
  // Kernels without ksm_stat say nothing of one process: then the rounds alone decide.
  const std::uint64_t seen = stat.rmap_items.value_or(registered_pages);
  state.seen_everything = ksm->full_scans >= 2 && seen >= registered_pages - registered_pages / 100;
  return state;
}

Cause cause_of(const MappingRules& mapping, std::uint64_t page_flags, const KsmState& ksm) {
  const bool merged = host::has(page_flags, PageFlag::ksm);
  const bool anonymous = merged || host::has(page_flags, PageFlag::anon);
  if (mapping.hugetlb) return Cause::not_mergeable;
  if (mapping.shared) return Cause::shared_mapping;
  if (!anonymous) {
    // Page cache that swaps is shmem's, whatever the file is called.
    const bool shmem = mapping.shmem || host::has(page_flags, PageFlag::swap_backed);
    return shmem ? Cause::shared_mapping : Cause::file_backed;
  }
  if (merged) return Cause::max_page_sharing;
  if (!mapping.registered) return Cause::not_mergeable;
  if (!ksm.running) return Cause::ksm_off;
  if (host::has(page_flags, PageFlag::thp)) return Cause::huge_page;
  if (!ksm.seen_everything) return Cause::not_scanned_yet;
  return Cause::other;
}

PageFacts facts_of(const MappingRules& mapping, std::uint64_t frame, std::uint64_t page_flags,
                   std::uint64_t map_count, const KsmState& ksm) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::uint32_t>::max();
  PageFacts facts;
  facts.frame = frame;
  facts.map_count = static_cast<std::uint32_t>(std::min(map_count, kMost));
  facts.cause = cause_of(mapping, page_flags, ksm);
  facts.ksm = host::has(page_flags, PageFlag::ksm);
  facts.zero_frame = host::has(page_flags, PageFlag::zero_page);
  facts.huge = host::has(page_flags, PageFlag::thp) || host::has(page_flags, PageFlag::huge);
  facts.mergeable = mapping.registered && (facts.ksm || host::has(page_flags, PageFlag::anon));
  return facts;
}

}  // namespace brim::share
