// SPDX-License-Identifier: Apache-2.0
// Hypervisors and the processor's counters.
#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "host/child.h"
#include "host/libvirt.h"
#include "host/probe.h"

#include <cerrno>
#include <cstdint>
#include <cstring>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace brim::host {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kProgramTimeout{5000};
constexpr milliseconds kLibvirtTimeout{2000};

// Whether a processor of this host has a flag, from /proc/cpuinfo.
bool has_processor_flag(const Host& host, std::string_view flag) {
  const auto text = host.read_file("/proc/cpuinfo");
  if (!text) return false;
  for (const std::string_view line : split(*text, '\n')) {
    if (!line.starts_with("flags")) continue;
    for (const std::string_view word : split(line, ' '))
      if (word == flag) return true;
    return false;
  }
  return false;
}

bool has_hardware_virtualization(const Host& host) {
  return has_processor_flag(host, "vmx") || has_processor_flag(host, "svm");
}

// A guest of one page that says 'B' on a port and halts: mov al,'B'; out 0x10,al; hlt.
Trial run_tiny_guest() {
  constexpr unsigned char kCode[] = {0xb0, 'B', 0xe6, 0x10, 0xf4};
  constexpr std::uint64_t kGuestAddress = 0x1000;
  const Fd kvm(::open("/dev/kvm", O_RDWR | O_CLOEXEC));
  if (!kvm) return trial_failed("open /dev/kvm");
  const int version = ::ioctl(kvm.get(), KVM_GET_API_VERSION, 0);
  if (version != KVM_API_VERSION) return {"", fmt::format("API version {}, expected 12", version)};
  const Fd machine(::ioctl(kvm.get(), KVM_CREATE_VM, 0));
  if (!machine) return trial_failed("KVM_CREATE_VM");
  void* memory =
      ::mmap(nullptr, kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return trial_failed("mmap");
  std::memcpy(memory, kCode, sizeof kCode);
  kvm_userspace_memory_region region{};
  region.guest_phys_addr = kGuestAddress;
  region.memory_size = kPageSize;
  region.userspace_addr = reinterpret_cast<std::uintptr_t>(memory);
  if (::ioctl(machine.get(), KVM_SET_USER_MEMORY_REGION, &region) != 0)
    return trial_failed("KVM_SET_USER_MEMORY_REGION");
  const Fd processor(::ioctl(machine.get(), KVM_CREATE_VCPU, 0));
  if (!processor) return trial_failed("KVM_CREATE_VCPU");
  const int size = ::ioctl(kvm.get(), KVM_GET_VCPU_MMAP_SIZE, 0);
  if (size < static_cast<int>(sizeof(kvm_run))) return trial_failed("KVM_GET_VCPU_MMAP_SIZE");
  void* shared = ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ | PROT_WRITE, MAP_SHARED,
                        processor.get(), 0);
  if (shared == MAP_FAILED) return trial_failed("mmap of the vCPU");
  const auto* run = static_cast<const kvm_run*>(shared);
  kvm_sregs special{};
  if (::ioctl(processor.get(), KVM_GET_SREGS, &special) != 0) return trial_failed("KVM_GET_SREGS");
  special.cs.base = 0;
  special.cs.selector = 0;
  kvm_regs registers{};
  registers.rip = kGuestAddress;
  registers.rflags = 2;  // the bit that is always set
  if (::ioctl(processor.get(), KVM_SET_SREGS, &special) != 0 ||
      ::ioctl(processor.get(), KVM_SET_REGS, &registers) != 0)
    return trial_failed("set registers");
  bool spoke = false;
  for (;;) {
    if (::ioctl(processor.get(), KVM_RUN, 0) != 0) return trial_failed("KVM_RUN");
    if (run->exit_reason == KVM_EXIT_HLT) break;
    if (run->exit_reason != KVM_EXIT_IO || spoke)
      return {"", fmt::format("the guest ended with exit reason {}", run->exit_reason)};
    spoke = *(static_cast<const char*>(shared) + run->io.data_offset) == 'B';
  }
  if (!spoke) return {"", "the guest halted without having run"};
  return {"a guest of five bytes ran", ""};
}

void probe_kvm(const Host& host, Capability& capability) {
  constexpr char kInFirmware[] =
      "turn on virtualization in the firmware (or nested virtualization below), then modprobe "
      "kvm_intel or kvm_amd";
  if (!host.exists("/dev/kvm"))
    return works_not(capability, "no /dev/kvm: QEMU runs guests in software (TCG), slowly",
                     kInFirmware);
  const Trial trial = try_in_child(run_tiny_guest);
  if (!trial.error.empty())
    return works_not(capability, fmt::format("/dev/kvm exists, but no guest runs: {}", trial.error),
                     trial.error.starts_with("open") ? "join the group kvm" : kInFirmware);
  if (has_hardware_virtualization(host)) return works(capability, trial.found);
  works_partly(
      capability, trial.found,
      "the processor shows neither vmx nor svm: KVM emulates in software, and whole guests "
      "may hang; use TCG",
      kInFirmware);
}

void probe_hardware_virtualization(const Host& host, Capability& capability) {
  if (has_processor_flag(host, "vmx")) return works(capability, "vmx");
  if (has_processor_flag(host, "svm")) return works(capability, "svm");
  works_not(capability, "/proc/cpuinfo shows neither vmx nor svm",
            "turn on virtualization in the firmware, or nested virtualization below");
}

// Counts something of this process for a moment.
Trial count_own(std::uint32_t type, std::uint64_t event) {
  perf_event_attr attributes{};
  attributes.size = sizeof attributes;
  attributes.type = type;
  attributes.config = event;
  attributes.exclude_kernel = 1;
  attributes.exclude_hv = 1;
  const Fd counter(static_cast<int>(
      ::syscall(SYS_perf_event_open, &attributes, 0, -1, -1, PERF_FLAG_FD_CLOEXEC)));
  if (!counter) return trial_failed("perf_event_open");
  volatile unsigned sum = 0;
  for (unsigned i = 0; i < 100000; ++i) sum = sum + i;
  std::uint64_t count = 0;
  if (::read(counter.get(), &count, sizeof count) != sizeof count) return trial_failed("read");
  if (count == 0) return {"", "the counter stays 0"};
  return {"counted", ""};
}

void probe_counters(const Host& host, Capability& capability) {
  const auto paranoid = host.read_value("/proc/sys/kernel/perf_event_paranoid");
  const std::string level =
      fmt::format("perf_event_paranoid={}", paranoid ? *paranoid : std::string("not told"));
  const Trial cycles =
      try_in_child([] { return count_own(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES); });
  if (cycles.error.empty()) return works(capability, fmt::format("cycles are counted, {}", level));
  const Trial clock =
      try_in_child([] { return count_own(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK); });
  if (clock.error.empty())
    return works_partly(
        capability, fmt::format("software events only, {}", level),
        fmt::format("no hardware counters ({}): a virtual machine without a PMU", cycles.error),
        "run on the bare machine, or give the VM a virtual PMU");
  works_not(capability, cycles.error, "sysctl kernel.perf_event_paranoid=1");
}

void probe_qemu(const Host& /*host*/, Capability& capability) {
  for (const char* program : {"qemu-system-x86_64", "/usr/libexec/qemu-kvm"}) {
    const auto text = run_program({program, "--version"}, kProgramTimeout);
    if (text)
      return works(capability,
                   std::string(trim(std::string_view(*text).substr(0, text->find('\n')))));
    if (text.error().code != ErrorCode::missing)
      return works_not(capability, error_line(text.error()));
  }
  works_not(capability, "no qemu-system-x86_64 on PATH", "apt-get install qemu-system-x86");
}

void probe_libvirt(const Host& host, Capability& capability) {
  const auto domains = list_system_domains(host, kLibvirtTimeout);
  if (domains)
    return works(capability, fmt::format("{} active domains, library {}", domains->size(),
                                         libvirt_library_version()));
  works_not(capability, domains.error().what,
            "apt-get install libvirt-daemon-system (only if you use libvirt)");
}

constexpr Probe kVirtualProbes[] = {
    {"hardware_virtualization", "all", false, "read /proc/cpuinfo", probe_hardware_virtualization},
    {"kvm", "all", true, "run a guest of five bytes in a child", probe_kvm},
    {"qemu", "all", true, "run qemu-system-x86_64 --version", probe_qemu},
    {"libvirt", "all", true, "list active domains, read-only", probe_libvirt},
    {"hardware_counters", "translate", true, "count cycles of a child", probe_counters},
};

}  // namespace

std::span<const Probe> virtual_probes() { return kVirtualProbes; }

}  // namespace brim::host
