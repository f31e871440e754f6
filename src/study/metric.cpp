// SPDX-License-Identifier: Apache-2.0
#include "study/metric.h"

#include <algorithm>
#include <array>

namespace brim::study {
namespace {

// Sorted by name (byte order): find_metric() searches by halves. Names are stored in runs: rename
// none. "pages_2m" are of 2 MiB, "pages" of 4 KiB.
constexpr std::array kMetrics = std::to_array<Metric>({
    {"share.bytes_read", "bytes", "Memory read by the scan."},
    {"share.churn_pages", "pages", "Pages whose content differs from the look before.",
     Direction::less_is_better},
    {"share.churn_percent", "percent",
     "Pages whose content differs from the look before, of those seen in both.",
     Direction::less_is_better},
    {"share.compressed_pages", "pages", "Pages held compressed."},
    {"share.copies_on_write", "count",
     "Writes to pages on shared frames, each of which got a frame of its own, so far.",
     Direction::less_is_better},
    {"share.distinct_2m_pages", "pages_2m", "Distinct contents of 2 MiB within a subject."},
    {"share.distinct_pages", "pages", "Distinct contents within a subject."},
    {"share.efficiency_percent", "percent",
     "Saved mergeable pages as a share of the potential (intra + inter).",
     Direction::more_is_better},
    {"share.entitled_pages", "pages",
     "Frames' worth that a guest may claim of what its pages share (Satori).",
     Direction::more_is_better},
    {"share.guest_cpu_percent", "percent",
     "Processor time of a guest's process since the sample before; 100 is one processor.",
     Direction::less_is_better},
    {"share.hidden_by_huge_pages_percent", "percent",
     "Share of the 4 KiB potential that a 2 MiB page size hides.", Direction::less_is_better},
    {"share.host_cpu_percent", "percent",
     "Processor time of loads, sharing and copies on write since the sample before; 100 is all "
     "processors.",
     Direction::less_is_better},
    {"share.huge_bytes", "bytes", "Anonymous memory in huge pages (smaps AnonHugePages)."},
    {"share.index_bytes", "bytes", "Memory of the scan's index of contents.",
     Direction::less_is_better},
    {"share.inter_saving_2m_pages", "pages_2m",
     "2 MiB pages that sharing between subjects could save beyond that within each.",
     Direction::more_is_better},
    {"share.inter_saving_pages", "pages",
     "Pages that sharing between subjects could save beyond that within each.",
     Direction::more_is_better},
    {"share.intra_saving_2m_pages", "pages_2m",
     "2 MiB pages that sharing within each subject could save.", Direction::more_is_better},
    {"share.intra_saving_pages", "pages", "Pages that sharing within each subject could save.",
     Direction::more_is_better},
    {"share.ksm_bytes", "bytes", "Memory on KSM frames (smaps KSM).", Direction::more_is_better},
    {"share.ksm_frames", "frames", "Distinct KSM frames behind the merged pages."},
    {"share.ksm_full_scans", "count", "The kernel's global counter full_scans."},
    {"share.ksm_pages_shared", "pages",
     "The kernel's global counter pages_shared: frames that KSM shares; every process of the "
     "host."},
    {"share.ksm_pages_sharing", "pages",
     "The kernel's global counter pages_sharing: further mappings of these frames; every process "
     "of the host."},
    {"share.ksm_pages_to_scan", "pages", "KSM's pages_to_scan, as set or as its tuner has set it."},
    {"share.ksm_pages_unshared", "pages",
     "The kernel's global counter pages_unshared: pages unique but checked again and again; every "
     "process of the host."},
    {"share.ksm_pages_volatile", "pages",
     "The kernel's global counter pages_volatile: pages that change too fast; every process of the "
     "host."},
    {"share.ksm_saved_pages", "pages", "Merged pages less the KSM frames behind them.",
     Direction::more_is_better},
    {"share.large_pages_broken", "pages_2m", "Large pages broken into small ones, so far."},
    {"share.lz4_saving_pages", "pages",
     "Saved by lz4 on pages that compress to at most half, after sharing.",
     Direction::more_is_better},
    {"share.mechanism_cpu_percent", "percent",
     "Processor time of the sharing mechanism since the sample before; 100 is one processor.",
     Direction::less_is_better},
    {"share.mergeable_saved_pages", "pages", "Saved pages in memory registered with KSM.",
     Direction::more_is_better},
    {"share.merged_pages", "pages", "Non-zero pages whose frame is a KSM frame.",
     Direction::more_is_better},
    {"share.minimum_2m_pages", "pages_2m",
     "Distinct 2 MiB contents over all subjects: what full sharing would leave.",
     Direction::less_is_better},
    {"share.minimum_pages", "pages",
     "Distinct contents over all subjects: what full sharing would leave.",
     Direction::less_is_better},
    {"share.outside_pages", "pages",
     "Pages whose frame is also mapped by others that were not scanned."},
    {"share.pages_scanned", "pages", "Pages the sharing mechanism has come to, so far."},
    {"share.patch_saving_pages", "pages", "Saved by patching near-identical pages, after sharing.",
     Direction::more_is_better},
    {"share.patched_pages", "pages", "Pages held as a patch against another."},
    {"share.present_bytes", "bytes", "Pages guests have, by whatever frame."},
    {"share.proportional_saved_pages", "pages", "Sum over pages of 1 - 1 / mappings of the frame.",
     Direction::more_is_better},
    {"share.pshare_common_pages", "pages",
     "Frames that guests' pages share (esxtop: PSHARE common).", Direction::less_is_better},
    {"share.pshare_saving_pages", "pages",
     "Pages on shared frames less these frames (esxtop: PSHARE saving).",
     Direction::more_is_better},
    {"share.pshare_shared_pages", "pages",
     "Guests' pages on shared frames (esxtop: PSHARE shared).", Direction::more_is_better},
    {"share.pss_bytes", "bytes", "Proportional share of resident memory (smaps Pss).",
     Direction::less_is_better},
    {"share.ram_bytes", "bytes",
     "Memory behind the guests: frames, and what their hypervisor takes for each besides.",
     Direction::less_is_better},
    {"share.restores", "count",
     "Accesses to patched or compressed pages, each of which got a frame of its own, so far.",
     Direction::less_is_better},
    {"share.rss_bytes", "bytes", "Resident memory (smaps Rss).", Direction::less_is_better},
    {"share.saved_bytes", "bytes", "Pages guests have less the frames behind them.",
     Direction::more_is_better},
    {"share.saved_pages", "pages",
     "Non-zero pages less the frames behind them, by any way of sharing.",
     Direction::more_is_better},
    {"share.scan_seconds", "s", "Time the scan took.", Direction::less_is_better, Repeatable::no},
    {"share.shared_pages", "pages", "Pages whose frame is mapped more than once, by anyone.",
     Direction::more_is_better},
    {"share.stored_bytes", "bytes", "What patches and compressed pages take."},
    {"share.swap_bytes", "bytes", "Memory in swap (smaps Swap).", Direction::less_is_better},
    {"share.tuner_cpu_percent", "percent",
     "Processor time of brim's own tuner of the sharing mechanism, in brim's process, since the "
     "sample before; 100 is one processor.",
     Direction::less_is_better},
    {"share.unread_absent_pages", "pages",
     "Pages not read because they are never touched or not mapped."},
    {"share.unread_denied_pages", "pages", "Pages not read because they are there but unreadable."},
    {"share.unread_swapped_pages", "pages", "Pages not read because they are in swap."},
    {"share.unrealized_changing_pages", "pages",
     "Unrealized because the content changed between two looks.", Direction::less_is_better},
    {"share.unrealized_file_backed_pages", "pages",
     "Unrealized because the page belongs to a file.", Direction::less_is_better},
    {"share.unrealized_huge_page_pages", "pages",
     "Unrealized because the page is part of a huge page.", Direction::less_is_better},
    {"share.unrealized_ksm_off_pages", "pages", "Unrealized because ksmd is not running.",
     Direction::less_is_better},
    {"share.unrealized_max_page_sharing_pages", "pages",
     "Unrealized because a KSM frame had reached max_page_sharing.", Direction::less_is_better},
    {"share.unrealized_not_mergeable_pages", "pages",
     "Unrealized because the memory is not registered with KSM.", Direction::less_is_better},
    {"share.unrealized_not_scanned_yet_pages", "pages",
     "Unrealized because ksmd has not been round often enough.", Direction::less_is_better},
    {"share.unrealized_other_pages", "pages", "Unrealized, with none of the named causes.",
     Direction::less_is_better},
    {"share.unrealized_pages", "pages",
     "Frames that duplicate the content of another frame: potential not made real.",
     Direction::less_is_better},
    {"share.unrealized_shared_mapping_pages", "pages",
     "Unrealized because the mapping is shared (MAP_SHARED, memfd with share=on).",
     Direction::less_is_better},
    {"share.used_2m_pages", "pages_2m", "Non-zero 2 MiB pages that could be read."},
    {"share.used_pages", "pages", "Non-zero pages that could be read."},
    {"share.zero_2m_pages", "pages_2m", "2 MiB pages filled with zeros."},
    {"share.zero_frame_bytes", "bytes", "Pages full of zeros that take no frame of their own."},
    {"share.zero_merged_pages", "pages",
     "Zero pages that lie on the kernel's zero frame or a KSM frame.", Direction::more_is_better},
    {"share.zero_pages", "pages", "Pages filled with zeros."},
    {"share.zstd_saving_pages", "pages",
     "Saved by zstd on pages that compress to at most half, after sharing.",
     Direction::more_is_better},
});

}  // namespace

std::span<const Metric> metrics() { return kMetrics; }

const Metric* find_metric(std::string_view name) {
  const auto* const found = std::lower_bound(
      kMetrics.begin(), kMetrics.end(), name,
      [](const Metric& metric, std::string_view key) { return metric.name < key; });
  return found != kMetrics.end() && found->name == name ? found : nullptr;
}

std::string_view unit_of(std::string_view name) {
  const Metric* known = find_metric(name);
  return known == nullptr ? std::string_view() : known->unit;
}

}  // namespace brim::study
