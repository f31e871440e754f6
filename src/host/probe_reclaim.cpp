// SPDX-License-Identifier: Apache-2.0
// Pressure, swap and reclaim.
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "host/page_map.h"
#include "host/probe.h"
#include "host/system.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

namespace brim::host {
namespace {

constexpr int kMadviseCold = 20;     // MADV_COLD, Linux 5.4
constexpr int kMadvisePageout = 21;  // MADV_PAGEOUT, Linux 5.4
constexpr unsigned kSysAdmin = 21;   // CAP_SYS_ADMIN

void probe_psi(const Host& host, Capability& capability) {
  const auto pressure = read_pressure(host, "/proc/pressure/memory");
  if (pressure) return works(capability, "/proc/pressure/memory is readable");
  if (pressure.error().code == ErrorCode::missing)
    return works_not(capability, "no /proc/pressure",
                     "boot with psi=1 (a kernel with CONFIG_PSI=y)");
  works_not(capability, error_line(pressure.error()), "boot with psi=1");
}

void probe_psi_trigger(const Host& /*host*/, Capability& capability) {
  // 150 ms of 2 s: windows that are multiples of 2 s are open to everyone since Linux 6.4.
  const Trial trial = try_in_child([]() -> Trial {
    const Fd file(::open("/proc/pressure/memory", O_RDWR | O_NONBLOCK | O_CLOEXEC));
    if (!file) return trial_failed("open /proc/pressure/memory for writing");
    constexpr std::string_view kTrigger("some 150000 2000000\0", 20);
    if (::write(file.get(), kTrigger.data(), kTrigger.size()) < 0)
      return trial_failed("create a trigger");
    return {"a trigger could be created", ""};
  });
  if (trial.error.empty()) return works(capability, trial.found);
  works_not(capability, trial.error, "boot with psi=1; run brim as root (CAP_SYS_RESOURCE)");
}

void probe_swap(const Host& host, Capability& capability) {
  if (!host.exists("/proc/swaps"))
    return works_not(capability, "this kernel has no swap", "boot a kernel with CONFIG_SWAP=y");
  const auto memory = read_memory_info(host);
  if (!memory) return works_not(capability, error_line(memory.error()));
  if (memory->swap_total_bytes > 0)
    return works(capability,
                 fmt::format("{}, {} free", human_bytes(Bytes(memory->swap_total_bytes)),
                             human_bytes(Bytes(memory->swap_free_bytes))));
  works_not(capability, "no swap is in use", "swapon a device or file, or zram");
}

void probe_swapon(const Host& host, Capability& capability) {
  const auto users = host.read_value(fmt::format("/proc/{}/uid_map", ::getpid()));
  if (!host.exists("/proc/swaps"))
    return works_not(capability, "this kernel has no swap", "boot a kernel with CONFIG_SWAP=y");
  if (!has_effective_capability(host, kSysAdmin))
    return works_not(capability, "this user lacks CAP_SYS_ADMIN", "run brim as root");
  if (users && users->find("4294967295") == std::string::npos)
    return works_not(capability, "inside a user namespace, where CAP_SYS_ADMIN does not count",
                     "run brim on the host itself");
  works(capability, "CAP_SYS_ADMIN is there (not tried: that would change the host)");
}

void probe_zram(const Host& host, Capability& capability) {
  // Reading hot_add makes a device: it is only opened.
  const auto opened = host.open_file("/sys/class/zram-control/hot_add", O_RDONLY);
  if (opened) return works(capability, "devices can be added (hot_add)");
  if (opened.error().code == ErrorCode::denied)
    return works_partly(capability, "the module is loaded", "this user can't add devices",
                        "run brim as root");
  if (host.exists("/sys/block/zram0"))
    return works_partly(capability, "zram0", "this kernel can't add devices");
  works_not(capability, "the zram module is not loaded, or the kernel has none", "modprobe zram");
}

void probe_zswap(const Host& host, Capability& capability) {
  const auto enabled = host.read_value("/sys/module/zswap/parameters/enabled");
  if (!enabled)
    return works_not(capability, "this kernel has no zswap", "boot a kernel with CONFIG_ZSWAP=y");
  const auto compressor = host.read_value("/sys/module/zswap/parameters/compressor");
  const std::string found = fmt::format("enabled={}, compressor={}", *enabled,
                                        compressor ? *compressor : std::string("not told"));
  if (*enabled == "Y") return works(capability, found);
  works_partly(capability, found, "zswap is off", "echo Y > /sys/module/zswap/parameters/enabled");
}

void probe_mglru(const Host& host, Capability& capability) {
  const auto enabled = host.read_value("/sys/kernel/mm/lru_gen/enabled");
  if (!enabled)
    return works_not(capability, "this kernel has no multi-generational LRU",
                     "boot a kernel with CONFIG_LRU_GEN=y (Linux 6.1 or newer)");
  const std::string found = fmt::format("enabled={}", *enabled);
  if (*enabled != "0x0000" && *enabled != "0") return works(capability, found);
  works_partly(capability, found, "it is off", "echo y > /sys/kernel/mm/lru_gen/enabled");
}

// 16 pages with contents that no kernel takes for zeros.
void* some_pages(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) std::memset(memory, 0x5a, bytes);
  return memory;
}

Trial use_pageout() {
  constexpr std::size_t kPages = 16;
  void* memory = some_pages(kPages * kPageSize);
  if (memory == MAP_FAILED) return trial_failed("mmap");
  if (::madvise(memory, kPages * kPageSize, kMadvisePageout) != 0)
    return trial_failed("MADV_PAGEOUT");
  for (std::size_t page = 0; page < kPages; ++page) {
    const auto entry = read_own_entry(static_cast<const char*>(memory) + page * kPageSize);
    if (entry && !entry->present()) return {"pages went out", ""};
  }
  return {"accepted", ""};
}

void probe_pageout(const Host& host, Capability& capability) {
  const Trial trial = try_in_child(use_pageout);
  if (!trial.error.empty()) return works_not(capability, trial.error, "boot Linux 5.4 or newer");
  if (trial.found == "pages went out") return works(capability, "pages of our own went out");
  const auto memory = read_memory_info(host);
  if (memory && memory->swap_total_bytes == 0)
    return works_partly(capability, "accepted", "without swap nothing can go out",
                        "swapon a device or file, or zram");
  works_partly(capability, "accepted", "no page was seen to go out");
}

void probe_process_madvise(const Host& /*host*/, Capability& capability) {
  const Trial trial = try_in_child([]() -> Trial {
    void* memory = some_pages(kPageSize);
    if (memory == MAP_FAILED) return trial_failed("mmap");
    const Fd self(static_cast<int>(::syscall(SYS_pidfd_open, ::getpid(), 0)));
    if (!self) return trial_failed("pidfd_open");
    const iovec range{memory, kPageSize};
    const auto advised = ::syscall(SYS_process_madvise, self.get(), &range, 1UL, kMadviseCold, 0U);
    if (advised != static_cast<long>(kPageSize)) return trial_failed("process_madvise");
    return {"MADV_COLD on a page of our own", ""};
  });
  if (trial.error.empty()) return works(capability, trial.found);
  works_not(capability, trial.error, "boot Linux 5.10 or newer");
}

constexpr Probe kReclaimProbes[] = {
    {"psi", "thrash", false, "read /proc/pressure/memory", probe_psi},
    {"psi_trigger", "thrash", true, "create a trigger in a child", probe_psi_trigger},
    {"swap", "thrash", false, "read /proc/swaps and /proc/meminfo", probe_swap},
    {"swapon", "thrash", true, "capabilities of this process, not by use", probe_swapon},
    {"zram", "thrash", false, "look for hot_add", probe_zram},
    {"zswap", "thrash", false, "read /sys/module/zswap/parameters", probe_zswap},
    {"mglru", "thrash", false, "read /sys/kernel/mm/lru_gen/enabled", probe_mglru},
    {"madv_pageout", "thrash", true, "MADV_PAGEOUT on 16 pages of a child", probe_pageout},
    {"process_madvise", "thrash", true, "MADV_COLD on a page of a child", probe_process_madvise},
};

}  // namespace

std::span<const Probe> reclaim_probes() { return kReclaimProbes; }

}  // namespace brim::host
