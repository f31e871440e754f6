// SPDX-License-Identifier: Apache-2.0
// KSM with its newer knobs, and huge pages.
#include "base/units.h"
#include "host/files.h"
#include "host/ksm.h"
#include "host/probe.h"
#include "host/process.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr char kKsm[] = "/sys/kernel/mm/ksm";
constexpr int kGetMemoryMerge = 68;  // PR_GET_MEMORY_MERGE, Linux 6.4; not in Debian 12's headers

void probe_ksm(const Host& host, Capability& capability) {
  const auto ksm = read_ksm(host);
  if (!ksm) {
    if (ksm.error().code == ErrorCode::missing)
      return works_not(capability, "this kernel has no KSM", "boot a kernel with CONFIG_KSM=y");
    return works_not(capability, error_line(ksm.error()));
  }
  const std::string found = fmt::format("run={}, pages_to_scan={}, sleep_millisecs={}", ksm->run,
                                        ksm->pages_to_scan, ksm->sleep_millisecs);
  if (ksm->run == 1) return works(capability, found);
  works_partly(capability, found, "ksmd is stopped: nothing is merged",
               "echo 1 > /sys/kernel/mm/ksm/run");
}

// A file of KSM's directory that came with some version.
void probe_knob(const Host& host, Capability& capability, std::string_view file,
                std::string_view since) {
  const auto value = host.read_value(fmt::format("{}/{}", kKsm, file));
  if (value) return works(capability, fmt::format("{}={}", file, chosen_word(*value)));
  if (value.error().code != ErrorCode::missing)
    return works_not(capability, error_line(value.error()));
  if (!host.exists(kKsm))
    return works_not(capability, "this kernel has no KSM", "boot a kernel with CONFIG_KSM=y");
  works_not(capability, fmt::format("{}/{} does not exist", kKsm, file),
            fmt::format("boot Linux {} or newer", since));
}

void probe_smart_scan(const Host& host, Capability& capability) {
  probe_knob(host, capability, "smart_scan", "6.7");
}
void probe_advisor(const Host& host, Capability& capability) {
  probe_knob(host, capability, "advisor_mode", "6.8");
}
void probe_use_zero_pages(const Host& host, Capability& capability) {
  probe_knob(host, capability, "use_zero_pages", "4.12");
}
void probe_general_profit(const Host& host, Capability& capability) {
  probe_knob(host, capability, "general_profit", "6.4");
}
void probe_max_page_sharing(const Host& host, Capability& capability) {
  probe_knob(host, capability, "max_page_sharing", "4.13");
}

void probe_ksm_madvise(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child([]() -> Trial {
    void* page =
        ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return trial_failed("mmap");
    if (::madvise(page, kPageSize, MADV_MERGEABLE) != 0) return trial_failed("MADV_MERGEABLE");
    return {"MADV_MERGEABLE accepted", ""};
  });
  if (!trial.error.empty())
    return works_not(capability, trial.error, "boot a kernel with CONFIG_KSM=y");
  works(capability, trial.found);
}

void probe_ksm_prctl(const Host& /*host*/, Capability& capability) {
  const int merged = ::prctl(kGetMemoryMerge, 0, 0, 0, 0);
  if (merged < 0)
    return works_not(capability, "prctl(PR_GET_MEMORY_MERGE) is not known to this kernel",
                     "boot Linux 6.4 or newer with CONFIG_KSM=y");
  works(capability, fmt::format("this process: {}", merged == 1 ? "on" : "off"));
}

// The text of a file of this process or, on a fixture, of the first process that has it.
std::optional<std::string> some_process_file(const Host& host, std::string_view name) {
  if (host.live()) {
    const auto text = host.read_file(fmt::format("/proc/{}/{}", ::getpid(), name));
    return text ? std::optional(*text) : std::nullopt;
  }
  const auto pids = list_pids(host);
  if (!pids) return std::nullopt;
  for (const int pid : *pids)
    if (const auto text = host.read_file(fmt::format("/proc/{}/{}", pid, name))) return *text;
  return std::nullopt;
}

void probe_ksm_stat(const Host& host, Capability& capability) {
  if (!host.exists(kKsm))
    return works_not(capability, "this kernel has no KSM", "boot a kernel with CONFIG_KSM=y");
  const auto text = some_process_file(host, "ksm_stat");
  if (!text)
    return works_not(capability, "/proc/PID/ksm_stat does not exist", "boot Linux 6.1 or newer");
  const KsmStat stat = parse_ksm_stat(*text);
  const std::string found = fmt::format("merging pages: {}, profit: {}, whole-process merging: {}",
                                        stat.merging_pages ? "told" : "not told",
                                        stat.process_profit_bytes ? "told" : "not told",
                                        stat.merge_any ? "told" : "not told");
  if (stat.process_profit_bytes && stat.merging_pages && stat.merge_any)
    return works(capability, found);
  works_partly(capability, found, "this kernel tells less than newer ones", "boot a newer kernel");
}

void probe_smaps_ksm(const Host& host, Capability& capability) {
  const auto text = some_process_file(host, "smaps");
  if (!text) return works_not(capability, "no /proc/PID/smaps could be read");
  if (text->find("\nKSM:") != std::string::npos) return works(capability, "KSM line in smaps");
  works_not(capability, "smaps has no KSM line: merged pages of a mapping need page flags",
            "boot Linux 6.7 or newer");
}

void probe_thp(const Host& host, Capability& capability) {
  const auto text = host.read_value("/sys/kernel/mm/transparent_hugepage/enabled");
  if (!text)
    return works_not(capability, "this kernel has no transparent huge pages",
                     "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE=y");
  const std::string mode(chosen_word(*text));
  if (mode != "never") return works(capability, fmt::format("enabled={}", mode));
  works_not(capability, "enabled=never",
            "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled");
}

// A huge page of our own, by touching memory advised for it.
Trial touch_huge_memory() {
  constexpr std::size_t kSize = 2 * kHugePageSize;
  void* memory = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return trial_failed("mmap");
  if (::madvise(memory, kSize, MADV_HUGEPAGE) != 0) return trial_failed("MADV_HUGEPAGE");
  const std::size_t before = reinterpret_cast<std::uintptr_t>(memory) % kHugePageSize;
  char* const aligned = static_cast<char*>(memory) + (before == 0 ? 0 : kHugePageSize - before);
  *static_cast<volatile char*>(aligned) = 1;
  std::array<unsigned char, kPagesPerHuge> resident{};
  if (::mincore(aligned, kHugePageSize, resident.data()) != 0) return trial_failed("mincore");
  const auto here = std::count(resident.begin(), resident.end(), 1);
  if (here == static_cast<std::ptrdiff_t>(kPagesPerHuge)) return {"huge", ""};
  return {fmt::format("accepted, but one touch brought {} pages of 4 KiB", here), ""};
}

void probe_thp_madvise(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child(touch_huge_memory);
  if (!trial.error.empty())
    return works_not(capability, trial.error, "boot a kernel with CONFIG_TRANSPARENT_HUGEPAGE=y");
  if (trial.found == "huge")
    return works(capability, "MADV_HUGEPAGE gave a page of 2 MiB at the first touch");
  works_partly(capability, trial.found, "no huge page came at once: disabled, or memory fragmented",
               "look at enabled and defrag in /sys/kernel/mm/transparent_hugepage");
}

void probe_hugetlb(const Host& host, Capability& capability) {
  const auto count = host.read_number("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages");
  if (!count)
    return works_not(capability, "this kernel has no hugetlb pages of 2 MiB",
                     "boot a kernel with CONFIG_HUGETLBFS=y");
  if (*count > 0) return works(capability, fmt::format("{} pages of 2 MiB reserved", *count));
  works_partly(capability, "0 pages of 2 MiB reserved", "none is reserved",
               "sysctl vm.nr_hugepages=N");
}

constexpr Probe kSharingProbes[] = {
    {"ksm", "share", false, "read /sys/kernel/mm/ksm", probe_ksm},
    {"ksm_smart_scan", "share", false, "read /sys/kernel/mm/ksm", probe_smart_scan},
    {"ksm_advisor", "share", false, "read /sys/kernel/mm/ksm", probe_advisor},
    {"ksm_use_zero_pages", "share", false, "read /sys/kernel/mm/ksm", probe_use_zero_pages},
    {"ksm_general_profit", "share", false, "read /sys/kernel/mm/ksm", probe_general_profit},
    {"ksm_max_page_sharing", "share", false, "read /sys/kernel/mm/ksm", probe_max_page_sharing},
    {"ksm_madvise", "share", true, "MADV_MERGEABLE on a page of our own", probe_ksm_madvise},
    {"ksm_prctl", "share", true, "prctl(PR_GET_MEMORY_MERGE)", probe_ksm_prctl},
    {"ksm_stat", "share", false, "read /proc/PID/ksm_stat", probe_ksm_stat},
    {"smaps_ksm", "share", false, "read /proc/PID/smaps", probe_smaps_ksm},
    {"thp", "translate", false, "read /sys/kernel/mm/transparent_hugepage/enabled", probe_thp},
    {"thp_madvise", "translate", true, "MADV_HUGEPAGE on memory of our own", probe_thp_madvise},
    {"hugetlb", "translate", false, "read /sys/kernel/mm/hugepages", probe_hugetlb},
};

}  // namespace

std::span<const Probe> sharing_probes() { return kSharingProbes; }

}  // namespace brim::host
