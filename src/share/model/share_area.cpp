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
});

constexpr Parameter kOverhead{"overhead_per_guest", Type::size, "", "0B",
                              "Outside guest memory: emulator, page tables."};

constexpr std::array kNone = std::to_array<Parameter>({kOverhead});

constexpr std::array kKsm = std::to_array<Parameter>({
    kOverhead,
    {"pages_to_scan", Type::count, "pages", "100", "A batch."},
    {"sleep", Type::duration, "", "20ms", "Between two batches."},
    {"max_page_sharing", Type::count, "pages", "256", "On one frame; 0: no limit (before 4.13)."},
    {"use_zero_pages", Type::boolean, "", "false", "Zero pages go to the kernel's own."},
    {"smart_scan", Type::boolean, "", "false", "Leaves out pages that have not merged for long."},
    {"checksum_first", Type::boolean, "", "false",
     "Before the stable tree is searched (Linux 6.11)."},
    {"tuner", Type::choice, "", "none", "Who sets the knobs.", "brim,ksmtuned,none"},
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
     "Pages are looked up as they are made, not only when the scan comes to them."},
    {"scan_order", Type::choice, "", "random", "Which pages of a guest come first.",
     "random,read_only_first,code_first,unchanged_first"},
});

constexpr std::array kMechanisms = std::to_array<Family>({
    {"ksm", "Kernel samepage merging of Linux.", kKsm},
    {"none", "Nothing is shared.", kNone},
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

constexpr std::array kLoads = std::to_array<Family>({
    {"idle", "Does nothing.", {}},
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
      {name "_written", Type::fraction, "", "0", "Share of its pages written a period."}, {      \
    name "_period", Type::duration, "", "10s", "Between two rounds of writes."                   \
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
});

#undef BRIM_PAGE_CLASS

constexpr study::Area kArea{"share", kHardware, kMechanisms, kLoads, kGuests, "share.ram_bytes"};

}  // namespace

const study::Area& share_area() { return kArea; }

}  // namespace brim::share::model
