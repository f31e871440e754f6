// SPDX-License-Identifier: Apache-2.0
// The declarations of the area "thrash": what scenarios and catalogues are read by, and listed.
#include "thrash/model/thrash_area.h"

#include "base/text.h"

#include <array>
#include <string>
#include <string_view>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using std::chrono::nanoseconds;
using study::Family;
using study::Parameter;
using Type = study::ParameterType;

constexpr std::array kHardware = std::to_array<Parameter>({
    {"memory", Type::size, "", "1GiB", "Of the machine."},
    {"processors", Type::count, "", "1", "Model.", {}, 1, 1024},
    {"access", Type::duration, "", "150ns",
     "Model: user work of one access, when its page is resident."},
    {"swap", Type::choice, "", "disk",
     "Where pages go: a file on this host's disk stands for disk, flash, sata_flash and nvme when "
     "live.",
     "disk,flash,nvme,remote,sata_flash,zram,zswap"},
    {"swap_size", Type::size, "", "2GiB", "Of the swap area; of zram, uncompressed."},
    {"disk_rpm", Type::number, "1/min", "7200", "Model.", {}, 100, 100000},
    {"disk_seek", Type::duration, "", "8500us", "Model: on average."},
    {"disk_track_to_track", Type::duration, "", "1ms", "Model: between neighbours."},
    {"disk_full_stroke", Type::duration, "", "17ms", "Model: over all tracks."},
    {"disk_outer_rate", Type::size, "", "58000000B", "Model: a second, at the rim."},
    {"disk_inner_rate", Type::size, "", "40000000B", "Model: a second, at the hub."},
    {"disk_capacity", Type::size, "", "40000000000B", "Model."},
    {"disk_buffer", Type::size, "", "2MiB", "Model: of the drive's own."},
    {"disk_write_cache", Type::boolean, "", "true",
     "Model: a write is done as it is in the drive's buffer, and goes to the disk later."},
    {"flash_channels",
     Type::count,
     "requests",
     "8",
     "Model: of flash, at a time; each has its part of the rates.",
     {},
     1,
     1024},
    {"flash_read_latency", Type::duration, "", "100us",
     "Model: of flash, before a request's transfer."},
    {"flash_write_latency", Type::duration, "", "60us", "Model: of flash."},
    {"flash_read_rate", Type::size, "", "500000000B", "Model: of flash, a second."},
    {"flash_write_rate", Type::size, "", "400000000B", "Model: of flash, a second."},
    {"compress", Type::duration, "", "3us", "Model: of a page, for zram and zswap."},
    {"decompress", Type::duration, "", "1500ns", "Model: of a page."},
    {"compressed_share", Type::fraction, "", "0.35",
     "Model: what a page becomes, with the pool's own losses."},
    {"pool_in_memory", Type::boolean, "", "true",
     "Model: zram's and zswap's pool takes of what consumers have; live it does not where they "
     "have "
     "a group, which the kernel does not charge for it."},
    {"zswap_pool", Type::fraction, "", "0.2", "Of memory, that zswap may take."},
    {"remote_round_trip", Type::duration, "", "100us", "Model: to another machine's memory."},
    {"remote_rate", Type::size, "", "117000000B", "Model: a second."},
    {"remote_fails_at", Type::duration, "", "0s", "Model: what is there is lost; 0: never."},
});

constexpr std::array kSystem = std::to_array<Parameter>({
    {"replacement", Type::text, "", "linux-two-list",
     "Model: a policy of 'brim list policies', with its parameters."},
    {"scope", Type::choice, "", "global",
     "Whose pages a process's fault can take: anybody's, its own out of an equal share, or, in the "
     "model, its own of a working set that grows and is trimmed by age.",
     "global,local,working_sets"},
    {"working_set_least", Type::count, "pages", "50", "Model: that trimming leaves.", {}, 1},
    {"working_set_most", Type::count, "pages", "345",
     "Model: up to which a working set grows while memory is short."},
    {"own_memory", Type::size, "", "0B",
     "What the system and its programs take: consumers have the rest."},
    {"swapped_at_start", Type::size, "", "0B", "Of the swap area, taken before all begins."},
    {"free_min", Type::fraction, "", "0",
     "Model: of memory, below which a process takes pages out itself; 0: as Linux reckons it."},
    {"free_low", Type::fraction, "", "0", "Model: below which the system does."},
    {"free_high", Type::fraction, "", "0", "Model: up to which it does."},
    {"reclaim", Type::choice, "", "direct",
     "Model: who takes pages out below free_min: who misses one (direct), or the system's own "
     "process alone, for which it waits (daemon). Of a cgroup with a limit (group): who misses "
     "one, with no frames kept free.",
     "daemon,direct,group"},
    {"group_overhead", Type::size, "", "0B",
     "Model, of a group: what else is in it and stays: probes, locked memory, the kernel's own."},
    {"free_wake", Type::fraction, "", "0",
     "Model: of memory, with which who waits for the daemon tries again; 0: above free_min."},
    {"freed", Type::choice, "", "gone",
     "Model: a page whose frame is free and not used again is gone, or kept, and comes back "
     "unread; "
     "kept_above_min: below free_min who misses it waits as for any other.",
     "gone,kept,kept_above_min"},
    {"passes", Type::choice, "", "none",
     "Model: reclaim goes over its lists as that system does, if replacement is that system's own "
     "and global; none: it takes pages from the policy one by one.",
     "freebsd-7,linux-2.6.22,none"},
    {"batch", Type::count, "pages", "32", "Model: taken out at a time.", {}, 1, 1 << 20},
    {"write_cluster", Type::count, "pages", "32", "Model: of one request at most.", {}, 1, 1 << 20},
    {"most_writes", Type::count, "pages", "1024", "Model: on their way out at a time.", {}, 1},
    {"modified_most", Type::count, "pages", "0",
     "Model, of working sets: with so many on the modified list, or below free_low, its writer "
     "begins."},
    {"writes_per_s", Type::count, "requests", "0",
     "Model: out a second, a quarter of them each quarter; 0: no limit."},
    {"read_ahead", Type::choice, "", "slots_by_hits",
     "Model: what comes with a missing page: its neighbours on the device (slots), in its process "
     "(pages), or those that are both (adjacent). By hits: as many as came in handy lately.",
     "adjacent,none,pages,pages_by_hits,slots,slots_by_hits"},
    {"read_ahead_pages",
     Type::count,
     "pages",
     "8",
     "Model: with the missing one, at most.",
     {},
     1,
     1024},
    {"next_cluster", Type::choice, "", "free",
     "Model: of the swap area's clusters, that is filled next: a free one, or one in use that has "
     "lost a page, as Linux does since 6.18.",
     "free,used"},
    {"reads_first", Type::count, "requests", "0",
     "Model: reads before one write, while there are both; 0: all alike."},
    {"swap_at", Type::fraction, "", "0.9",
     "Model: where on a disk the swap area begins: 0 at the rim, 1 at the hub."},
    {"slice", Type::duration, "", "10ms", "Model: of a process, before the next one runs."},
    {"minor_fault", Type::duration, "", "1500ns", "Model: processor time."},
    {"major_fault", Type::duration, "", "5us", "Model: processor time."},
    {"scan_page", Type::duration, "", "150ns", "Model: processor time of a page looked at."},
    {"swap_page", Type::duration, "", "3us", "Model: processor time of a page in or out."},
    {"paging_at_once",
     Type::count,
     "processors",
     "0",
     "Model: that can reclaim and page at a time, others spin; 0: all.",
     {},
     0,
     1024},
    {"swap_request", Type::duration, "", "0s",
     "Model: of a request to the device, its interrupt included; 0: it is in that of its pages."},
    {"out_of_memory", Type::choice, "", "largest", "Model: who is killed.", "largest,linux-2.6"},
    {"counter", Type::choice, "", "swap_pages",
     "Model: what the system's own counters of page-ins and page-outs count.",
     "block_kib,page_requests,swap_pages,whole_processes"},
    {"control", Type::text, "", "none",
     "Who controls thrashing: one of 'brim list controls', with its parameters."},
});

constexpr Parameter kMemory{"memory", Type::size, "", "100MiB", "Of each consumer (M)."};
constexpr Parameter kAccesses{
    "accesses", Type::count, "", "10000", "Of a burst (W), one byte each.", {}, 1};
constexpr Parameter kPause{"pause", Type::duration, "", "100ms", "After each burst (tw)."};
constexpr Parameter kWriteShare{"write_share", Type::fraction, "", "1",
                                "Of the accesses; the others read."};
constexpr Parameter kFill{
    "fill",
    Type::choice,
    "",
    "none",
    "What the memory is filled with first: nothing, so that pages appear as they are written.",
    "half_compressible,incompressible,none"};

constexpr std::array kUniform =
    std::to_array<Parameter>({kMemory, kAccesses, kPause, kWriteShare, kFill});
constexpr std::array kZipf = std::to_array<Parameter>(
    {kMemory,
     kAccesses,
     kPause,
     kWriteShare,
     kFill,
     {"exponent", Type::number, "", "1", "Of a page's share in its rank.", {}, 0, 10}});
constexpr std::array kPhases = std::to_array<Parameter>(
    {kMemory,
     kAccesses,
     kPause,
     kWriteShare,
     kFill,
     {"working_set", Type::size, "", "10MiB", "Where a phase's accesses go."},
     {"phase", Type::duration, "", "10s", "Before another working set."}});

// `command` must say something: a least of 1.
constexpr std::array kProgram = std::to_array<Parameter>({
    {"command",
     Type::text,
     "",
     "",
     "Run by a shell, again and again; a line on its standard output is a unit of work. {number} "
     "and {folder} in it are the consumer's.",
     {},
     1},
    {"memory", Type::size, "", "100MiB", "What one takes, for controls that go by size."},
    {"unit", Type::text, "", "lines", "What a line stands for."},
    {"prepare", Type::text, "", "", "Run by a shell once before, of one consumer after the other."},
    {"prepare_within", Type::duration, "", "60s", "The longest that one of them may take."},
});

constexpr std::array kLoads = std::to_array<Family>({
    {"phases", "Any page of a working set, another one after each phase.", kPhases},
    {"program", "Live: a program of yours.", kProgram},
    {"sequential", "One page after the other, and again from the first.", kUniform},
    {"uniform", "Any page, as likely as any other (Santos 2009).", kUniform},
    {"zipf", "A page in proportion to a power of its rank.", kZipf},
});

constexpr std::array kGuests = std::to_array<Parameter>({
    {"settle", Type::duration, "", "10s", "Before the first of them."},
    {"start_interval", Type::duration, "", "30s", "Between two starts (tc)."},
    {"run_for", Type::duration, "", "0s",
     "Of each (tp); 0: the start interval times their number and one."},
    {"interactive", Type::boolean, "", "false", "Such are told to controls, which may spare them."},
});

constexpr std::array kLive = std::to_array<Parameter>({
    {"speed",
     Type::number,
     "",
     "1",
     "How many times faster the schedule goes: starts, run times, settling; bursts stay as they "
     "are.",
     {},
     0.01,
     1000},
    {"where", Type::choice, "", "group",
     "Consumers have a limited group and a swap area of their own, or the whole machine.",
     "group,machine"},
    {"swap_folder", Type::text, "", "/var/tmp", "Of a swap file."},
    {"program_folder", Type::text, "", "/var/tmp", "Below which programs have their folders."},
    {"swap_reads_per_s",
     Type::count,
     "requests",
     "0",
     "That all consumers together get of the swap file's disk, a page of swap each; 0: as many as "
     "there are.",
     {},
     0,
     1e9},
    {"swap_writes_per_s", Type::count, "requests", "0", "The same of writes.", {}, 0, 1e9},
    {"swap_rate", Type::size, "", "0B",
     "Of the swap file's disk, a second, each way; 0: as fast as it is."},
    {"probes", Type::boolean, "", "true", "Wake, touch and exec probes, ten times a second."},
    {"probe_memory", Type::size, "", "4MiB", "What a touch probe touches."},
});

constexpr auto kWork = std::to_array<study::OverviewLine>({
    {"thrash.accesses_per_s", "accesses a second"},
});
constexpr auto kPaging = std::to_array<study::OverviewLine>({
    {"thrash.pages_in_per_s", "in"},
    {"thrash.pages_out_per_s", "out"},
});
constexpr auto kProcessors = std::to_array<study::OverviewLine>({
    {"thrash.user_cpu_percent", "user"},
    {"thrash.system_cpu_percent", "system"},
    {"thrash.waiting_cpu_percent", "waiting for I/O"},
});
constexpr auto kLatency = std::to_array<study::OverviewLine>({
    {"thrash.wake_ms", "to wake"},
    {"thrash.touch_ms", "to touch a small working set"},
    {"thrash.exec_ms", "to start a program"},
});
constexpr auto kOverviews = std::to_array<study::Overview>({
    {"Work", kWork, ""},
    {"Processor time", kProcessors, "100 % is all processors."},
    {"Paging: pages of 4 KiB a second", kPaging, ""},
    {"Responsiveness: the worst since the sample before", kLatency, ""},
});

constexpr auto kOutcomes = std::to_array<study::Outcome>({
    {"thrash.depth_percent", "of its unconstrained rate is what is left at its worst"},
    {"thrash.recovery_s", "until it was back"},
    {"thrash.recovery_at_least_s", "went by without it being back"},
    {"thrash.responsiveness_recovery_s", "until probes were answered as before"},
    {"thrash.responsiveness_recovery_at_least_s", "went by without that"},
});

// Denning's curve: processor use over the number of processes; and what was done with it.
constexpr auto kByPoint =
    std::to_array<std::string_view>({"thrash.cpu_use_percent", "thrash.accesses_per_s"});

// What was done, for whom, how it felt, who was lost.
constexpr auto kCompared = std::to_array<std::string_view>(
    {"thrash.accesses", "thrash.fairness", "thrash.wake_p99_ms", "thrash.touch_p99_ms",
     "thrash.exec_p99_ms", "thrash.recovery_s", "thrash.consumers_killed"});

constexpr std::array kMechanisms = std::to_array<Family>({
    {"system", "An operating system.", kSystem},
});

constexpr study::Area kArea{.name = "thrash",
                            .hardware = kHardware,
                            .mechanisms = kMechanisms,
                            .loads = kLoads,
                            .guests = kGuests,
                            .headline = "thrash.accesses",
                            .headline_words = "accesses",
                            .live = kLive,
                            .overviews = kOverviews,
                            .outcomes = kOutcomes,
                            .by_point = kByPoint,
                            .compared = kCompared};

}  // namespace

const study::Area& thrash_area() { return kArea; }

Result<std::vector<Consumer>> plan_consumers(const study::Scenario& scenario) {
  std::vector<Consumer> consumers;
  for (std::uint32_t group = 0; group < scenario.guests.size(); ++group) {
    const study::GuestGroup& guests = scenario.guests[group];
    const std::string where = fmt::format("guests.{}", group);
    const study::Load* load = scenario.find_load(guests.load);
    if (load == nullptr)
      return fail(ErrorCode::bad_input, "consumers without a load: expected load = NAME", where);
    const auto interval = guests.settings.get<nanoseconds>("start_interval");
    nanoseconds run_for = guests.settings.get<nanoseconds>("run_for");
    if (run_for == nanoseconds(0)) run_for = interval * (guests.count + 1);
    if (run_for == nanoseconds(0))
      return fail(ErrorCode::bad_input,
                  "run_for: with a start_interval of 0 the time they run has to be given", where);
    const auto settle = guests.settings.get<nanoseconds>("settle");
    for (std::uint64_t number = 1; number <= guests.count; ++number)
      consumers.push_back({load, group, settle + interval * number, run_for,
                           guests.settings.get<bool>("interactive")});
  }
  return consumers;
}

Result<Bytes> memory_for_consumers(const study::Scenario& scenario) {
  const auto all = scenario.hardware.get<Bytes>("memory");
  const auto own = scenario.mechanism.settings.get<Bytes>("own_memory");
  if (own >= all)
    return fail(ErrorCode::bad_input,
                fmt::format("own_memory: {} leaves nothing of hardware.memory, {}",
                            human_bytes(own), human_bytes(all)),
                "mechanism");
  const auto scale = scenario.study.get<double>("scale");
  return Bytes(static_cast<std::uint64_t>(static_cast<double>((all - own).count()) * scale));
}

}  // namespace brim::thrash::model
