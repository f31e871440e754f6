// SPDX-License-Identifier: Apache-2.0
// The declarations of the area "share": what scenarios and catalogues are read by, and listed.
#include "share/model/share_area.h"

#include <array>

namespace brim::share::model {
namespace {

using study::Family;
using study::Parameter;
using Type = study::ParameterType;

constexpr std::array kHardware = std::to_array<Parameter>({
    {"memory", Type::size, "", "16GiB", "Of the host."},
    {"cores", Type::count, "", "8", "Processors of the host.", {}, 1, 4096},
    {"ghz", Type::number, "GHz", "2.5", "Clock of each.", {}, 0.1, 10},
    {"own_memory", Type::size, "", "0B", "What the host itself takes; constant."},
    {"visit_ns", Type::number, "ns", "100", "To come to a page: reverse map, reference, lock."},
    {"checksum_ns", Type::number, "ns", "800", "To hash a page."},
    {"comparison_ns", Type::number, "ns", "60", "To compare two unequal pages."},
    {"confirmation_ns", Type::number, "ns", "350", "To compare two equal pages."},
    {"merge_ns", Type::number, "ns", "1500", "To let a page share a frame."},
    {"copy_on_write_ns", Type::number, "ns", "2500", "To give a written page its own frame."},
    {"lookup_ns", Type::number, "ns", "500", "To look a disk block up in the I/O path."},
    {"large_break_ns", Type::number, "ns", "50000", "To break up a large page."},
    {"patch_ns", Type::number, "ns", "20000", "To diff a page against another."},
    {"compression_ns", Type::number, "ns", "10000", "To compress a page."},
    {"pressure_below", Type::fraction, "", "0.06",
     "Free memory, as a share of all, under which mechanisms are told of pressure."},
});

constexpr Parameter kOverhead{"overhead_per_guest", Type::size, "", "0B",
                              "Outside guest memory: emulator, page tables."};

constexpr Parameter kScanRate{
    "pages_per_s", Type::number, "pages/s", "1000", "Pages that the scan visits.", {}, 0};

constexpr std::array kNone = std::to_array<Parameter>({kOverhead});

constexpr std::array kCbps = std::to_array<Parameter>({kOverhead, kScanRate});

constexpr std::array kDifferenceEngine = std::to_array<Parameter>({
    kOverhead,
    kScanRate,
    {"patch_after", Type::count, "visits", "2", "Without an access.", {}, 0, 255},
    {"compress_after", Type::count, "visits", "4", "Without an access.", {}, 0, 255},
    {"kept_up_to", Type::fraction, "", "0.5", "Of a page, that a patch or compressed page takes."},
    {"similar", Type::fraction, "", "0", "Of contents: those that resemble others."},
    {"similar_contents", Type::count, "", "4", "Contents that resemble one another.", {}, 2},
    {"patch_size", Type::size, "", "1KiB", "Mean, of a patch between two that do."},
    {"compressible", Type::fraction, "", "0", "Of contents: those that get smaller at all."},
    {"compressed_size", Type::size, "", "1KiB", "Mean, of one of these compressed."},
});

constexpr std::array kFileCache = std::to_array<Parameter>({
    kOverhead,
    {"files", Type::choice, "", "libraries", "Whose pages guests have in common.", "libraries,all"},
});

constexpr std::array kPageTrimming = std::to_array<Parameter>({kOverhead, kScanRate});

constexpr std::array kSatori = std::to_array<Parameter>({kOverhead});

constexpr std::array kKsm = std::to_array<Parameter>({
    kOverhead,
    {"pages_to_scan", Type::count, "pages", "100", "A batch."},
    {"sleep", Type::duration, "", "20ms", "Between two batches."},
    {"max_page_sharing", Type::count, "pages", "256", "On one frame; 0: no limit (before 4.13)."},
    {"use_zero_pages", Type::boolean, "", "false", "Zero pages go to the kernel's own."},
    {"smart_scan", Type::boolean, "", "false", "Leaves out pages that have not merged for long."},
    {"checksum_first", Type::boolean, "", "false",
     "Before the stable tree is searched (Linux 6.11)."},
    {"tuner", Type::choice, "", "none", "Who sets the knobs.", "advisor,brim,ksmtuned,none"},
    {"advisor_target_scan_time", Type::duration, "", "200s", "Of a full scan, under the advisor."},
    {"advisor_min_pages_to_scan", Type::count, "pages", "500", "What the advisor begins with."},
    {"advisor_max_pages_to_scan", Type::count, "pages", "30000", "The most it gives a batch."},
    {"advisor_max_cpu",
     Type::count,
     "percent",
     "70",
     "Of one processor, that it lets ksmd take.",
     {},
     0,
     100},
    {"monitor_interval", Type::duration, "", "60s", "KSM_MONITOR_INTERVAL of ksmtuned."},
    {"tuned_sleep", Type::duration, "", "10ms", "KSM_SLEEP_MSEC, of a host of 16 GiB."},
    {"pages_boost", Type::count, "pages", "300", "KSM_NPAGES_BOOST"},
    {"pages_decay", Type::count, "pages", "50", "KSM_NPAGES_DECAY, without its sign."},
    {"pages_min", Type::count, "pages", "64", "KSM_NPAGES_MIN"},
    {"pages_max", Type::count, "pages", "1250", "KSM_NPAGES_MAX"},
    {"threshold_percent",
     Type::count,
     "percent",
     "20",
     "KSM_THRES_COEF: free memory below which KSM is to run.",
     {},
     0,
     100},
});

constexpr std::array kTps = std::to_array<Parameter>({
    kOverhead,
    {"share_scan_time", Type::duration, "", "3600s",
     "Mem.ShareScanTime: within which each guest is scanned once."},
    {"share_scan_ghz",
     Type::number,
     "MiB/s/GHz",
     "4",
     "Mem.ShareScanGHz: scanned a second for each GHz of the host, at most; 0: no limit.",
     {},
     0},
    {"share_at_allocation", Type::boolean, "", "true",
     "New pages are looked at as soon as the rate allows, not only when the scan comes to them."},
    {"scan_order", Type::choice, "", "random", "Which pages of a guest come first.",
     "random,read_only_first,code_first,unchanged_first"},
    {"large_pages", Type::boolean, "", "false",
     "Guests are backed by pages of 2 MiB, which are shared once broken up under pressure."},
});

constexpr std::array kMechanisms = std::to_array<Family>({
    {"cbps", "Content-based page sharing in its plain form.", kCbps},
    {"difference_engine", "Sharing, patching and compression (Difference Engine).",
     kDifferenceEngine},
    {"file_cache", "Guests map common files from the host's cache (Kim).", kFileCache},
    {"ksm", "Kernel samepage merging of Linux.", kKsm},
    {"none", "Nothing is shared.", kNone},
    {"page_trimming", "The frames of pages full of zeros are taken.", kPageTrimming},
    {"satori", "Sharing is found where blocks are read from disk (Satori).", kSatori},
    {"tps", "Transparent page sharing of VMware ESX.", kTps},
});

constexpr std::array kSynthetic = std::to_array<Parameter>({
    {"size", Type::size, "", "1GiB", "Of the buffer."},
    {"write_rate", Type::fraction, "", "0", "Writes a cycle, as a share of the buffer's pages."},
    {"pause", Type::duration, "", "10s", "Between two cycles."},
    {"positions", Type::choice, "", "algorithm", "Where is written.",
     "algorithm,linux_program,windows_program"},
    {"contents", Type::choice, "", "same", "What the pages hold.",
     "same,distinct_per_page,distinct_per_guest,zero,changing"},
    {"fill_rate", Type::size, "", "256MiB", "Filled a second.", {}, 1},
    {"write_ns", Type::number, "ns", "100", "One write at a random place."},
});

constexpr std::array kMariadb = std::to_array<Parameter>({
    {"clients", Type::count, "", "8", "At once.", {}, 1, 1000},
    {"iterations", Type::count, "", "0", "Rounds of queries; 0: until the end."},
    {"queries", Type::count, "", "200", "A round, of all clients together.", {}, 1},
    {"buffer_pool_size", Type::size, "", "16MiB", "Of InnoDB."},
});

constexpr std::array kCompile = std::to_array<Parameter>({
    {"files", Type::count, "", "8", "Of C source.", {}, 1, 10000},
    {"functions", Type::count, "", "40", "In each.", {}, 1, 10000},
    {"iterations", Type::count, "", "0", "Builds; 0: until the end."},
});

constexpr std::array kLoads = std::to_array<Family>({
    {"compile", "gcc over a source tree, again and again; live alone.", kCompile},
    {"idle", "Does nothing.", {}},
    {"mariadb", "MariaDB under mariadb-slap (InnoDB); live alone.", kMariadb},
    {"synthetic", "A filled buffer of which single bytes are written again (Veiga 2015).",
     kSynthetic},
});

constexpr std::string_view kScopes = "family,version,instance";
constexpr std::string_view kWrites = "none,rewrite,change,short_lived";

#define BRIM_PAGE_CLASS(name, text, scope)                                                       \
  {name "_size", Type::size, "", "0B", text},                                                    \
      {name "_distinct", Type::size, "", "0B", "Of it, distinct within the guest; 0: all."},     \
      {name "_scope", Type::choice, "", scope, "Which guests have the same contents.", kScopes}, \
      {name "_writes", Type::choice, "", "none", "What is written there.", kWrites},             \
      {name "_written", Type::fraction, "", "0", "Share of its pages written a period."},        \
      {name "_read", Type::fraction, "", "0", "Share of its pages read each period."}, {         \
    name "_period", Type::duration, "", "10s", "Between two rounds of writes and reads."         \
  }

constexpr std::array kGuests = std::to_array<Parameter>({
    {"memory", Type::size, "", "1GiB", "Of the guest."},
    {"family", Type::text, "", "", "Of its system: debian, windows."},
    {"version", Type::text, "", "", "Of its system."},
    {"zero_size", Type::size, "", "0B", "Pages that were touched and hold zeros."},
    BRIM_PAGE_CLASS("kernel", "Text and data of the kernel.", "version"),
    BRIM_PAGE_CLASS("libraries", "Text of libraries and programs.", "version"),
    BRIM_PAGE_CLASS("page_cache", "Cached files.", "version"),
    BRIM_PAGE_CLASS("heap", "Data of programs.", "instance"),
    {"kind", Type::choice, "", "qemu",
     "Live: a virtual machine, its load as a plain process, or what runs already.",
     "process,qemu,running"},
    {"machine", Type::text, "", "",
     "Live, of kind running: the name of a machine of this host, libvirt's or not; * and ? match."},
    {"kernel", Type::text, "", "6.1-cloud",
     "Live: what a machine boots; one that 'brim lab prepare' gets."},
    {"kernel_arguments", Type::text, "", "", "Live: besides those that a machine boots with."},
    {"processors", Type::count, "", "1", "Live: of a machine.", {}, 1, 64},
    {"huge_pages", Type::boolean, "", "true",
     "Live: behind its memory, where the host's setting allows them."},
});

constexpr std::array kLive = std::to_array<Parameter>({
    {"scan", Type::choice, "", "every_sample",
     "When guests' memory is read, for the potential and for churn; never is the cheapest.",
     "at_end,every_sample,never"},
    {"ksm", Type::choice, "", "set",
     "Whether KSM is set as the mechanism says, and put back, or left as it is here.", "as_is,set"},
    {"pause_running", Type::boolean, "", "false",
     "Machines that run already stand still while their memory is read at the end."},
    {"boot_timeout", Type::duration, "", "180s", "For all machines to be ready."},
    {"speed",
     Type::number,
     "",
     "1",
     "How many times faster everything goes: schedule, pauses, scanning. Times are told as the "
     "scenario has them.",
     {},
     0.01,
     1000},
});

#undef BRIM_PAGE_CLASS

constexpr auto kMemory = std::to_array<study::OverviewLine>({
    {"share.present_bytes", "of the guests"},
    {"share.rss_bytes", "resident"},
    {"share.ram_bytes", "behind them"},
    {"share.minimum_pages", "distinct pages"},
});
constexpr auto kSharing = std::to_array<study::OverviewLine>({
    {"share.intra_saving_pages+share.inter_saving_pages", "could be saved"},
    {"share.intra_saving_pages", "of it within guests"},
    {"share.saved_bytes", "is saved"},
});
constexpr auto kProcessors = std::to_array<study::OverviewLine>({
    {"share.host_cpu_percent", "host, of all processors"},
    {"share.guest_cpu_percent", "guests, of one"},
    {"share.mechanism_cpu_percent", "sharing, of one"},
});

constexpr auto kOverviews = std::to_array<study::Overview>({
    {"Memory", kMemory, ""},
    {"Sharing: what could be saved, and what is", kSharing, ""},
    {"Processor time", kProcessors, ""},
});

constexpr auto kOutcomes = std::to_array<study::Outcome>({
    {"share.efficiency_percent", "of what could be saved is saved"},
    {"share.mechanism_cpu_percent", "of a processor goes to sharing"},
});

constexpr study::Area kArea{.name = "share",
                            .hardware = kHardware,
                            .mechanisms = kMechanisms,
                            .loads = kLoads,
                            .guests = kGuests,
                            .headline = "share.ram_bytes",
                            .headline_words = "memory behind the guests",
                            .live = kLive,
                            .overviews = kOverviews,
                            .outcomes = kOutcomes};

}  // namespace

const study::Area& share_area() { return kArea; }

}  // namespace brim::share::model
