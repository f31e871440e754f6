// SPDX-License-Identifier: Apache-2.0
// What tells about single pages, and the memory of other processes.
#include "base/fd.h"
#include "base/units.h"
#include "host/page_map.h"
#include "host/probe.h"

#include <cerrno>
#include <cstdint>
#include <cstdio>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr char kAskSysAdmin[] = "run brim as root (CAP_SYS_ADMIN)";
constexpr unsigned kSysPtrace = 19;  // CAP_SYS_PTRACE

void probe_pagemap(const Host& /*host*/, Capability& capability) {
  const int here = 1;
  const auto entry = read_own_entry(&here);
  if (!entry) return works_not(capability, error_line(entry.error()));
  if (!entry->present()) return works_not(capability, "pagemap shows a page in use as absent");
  works(capability, "present, swapped and shared pages are told");
}

void probe_frames(const Host& host, Capability& capability) {
  if (sees_frames(host)) return works(capability, "frame numbers are shown");
  works_not(capability, "pagemap shows frame numbers as 0 to this user", kAskSysAdmin);
}

void probe_frame_file(const Host& host, Capability& capability, const char* path) {
  const auto file = host.open_file(path, O_RDONLY);
  if (!file) {
    const bool missing = file.error().code == ErrorCode::missing;
    return works_not(capability, error_line(file.error()),
                     missing ? "boot a kernel with CONFIG_PROC_PAGE_MONITOR=y" : kAskSysAdmin);
  }
  std::uint64_t entry = 0;
  if (::pread(file->get(), &entry, sizeof entry, 0) != sizeof entry)
    return works_not(capability, error_line(errno_error(errno, "read", path)), kAskSysAdmin);
  works(capability, "readable");
}

void probe_kpageflags(const Host& host, Capability& capability) {
  probe_frame_file(host, capability, "/proc/kpageflags");
}
void probe_kpagecount(const Host& host, Capability& capability) {
  probe_frame_file(host, capability, "/proc/kpagecount");
}

void probe_process_memory(const Host& host, Capability& capability) {
  const auto scope = host.read_value("/proc/sys/kernel/yama/ptrace_scope");
  const std::string yama = scope ? fmt::format("ptrace_scope={}", *scope) : "no Yama";
  if (host.open_file("/proc/1/mem", O_RDONLY))
    return works(capability, fmt::format("/proc/1/mem opens, {}", yama));
  // Some machines close their first process to everyone; others' memory is open all the same.
  if (has_effective_capability(host, kSysPtrace))
    return works(capability, fmt::format("CAP_SYS_PTRACE, {}; /proc/1/mem does not open", yama));
  works_partly(capability, yama, "memory of other users' processes can't be read",
               "run brim as root (CAP_SYS_PTRACE)");
}

void probe_page_idle(const Host& host, Capability& capability) {
  constexpr char kBitmap[] = "/sys/kernel/mm/page_idle/bitmap";
  if (!host.exists(kBitmap))
    return works_not(capability, fmt::format("{} does not exist", kBitmap),
                     "boot a kernel with CONFIG_IDLE_PAGE_TRACKING=y");
  if (!host.open_file(kBitmap, O_RDONLY))
    return works_not(capability, fmt::format("{} can't be opened", kBitmap), kAskSysAdmin);
  works(capability, "bitmap can be opened");
}

// Kernels without soft-dirty accept the write to clear_refs all the same: only the bit tells.
Trial use_soft_dirty() {
  void* memory =
      ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return trial_failed("mmap");
  auto* page = static_cast<volatile char*>(memory);
  *page = 1;
  const Fd file(::open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC));
  if (!file) return trial_failed("open /proc/self/clear_refs");
  if (::write(file.get(), "4", 1) != 1) return trial_failed("write 4 to /proc/self/clear_refs");
  const auto cleared = read_own_entry(memory);
  *page = 2;
  const auto written = read_own_entry(memory);
  if (!cleared || !written) return {"", "pagemap can't be read"};
  if (cleared->soft_dirty()) return {"", "clear_refs=4 is accepted, but the bit stays set"};
  if (!written->soft_dirty())
    return {"", "clear_refs=4 is accepted, but a write does not set the bit"};
  return {"a write after clear_refs=4 sets the bit", ""};
}

void probe_soft_dirty(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child(use_soft_dirty);
  if (trial.error.empty()) return works(capability, trial.found);
  works_not(capability, trial.error, "boot a kernel with CONFIG_MEM_SOFT_DIRTY=y");
}

constexpr Probe kPageProbes[] = {
    {"pagemap", "share", true, "read the entry of a page of our own", probe_pagemap},
    {"pagemap_frames", "share", true, "read the entry of a page of our own", probe_frames},
    {"kpageflags", "share", true, "read the first entry of /proc/kpageflags", probe_kpageflags},
    {"kpagecount", "share", true, "read the first entry of /proc/kpagecount", probe_kpagecount},
    {"process_memory", "share", true, "open /proc/1/mem, then capabilities", probe_process_memory},
    {"page_idle", "thrash", true, "open /sys/kernel/mm/page_idle/bitmap", probe_page_idle},
    {"soft_dirty", "thrash", true, "clear_refs=4, a write, and the pagemap bit, in a child",
     probe_soft_dirty},
};

}  // namespace

std::span<const Probe> page_probes() { return kPageProbes; }

}  // namespace brim::host
