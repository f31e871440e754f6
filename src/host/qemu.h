// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which processes are QEMU virtual machines, what they are called, and which of their mappings are
// guest RAM, each with how it is known.
//
// Which RAM blocks there are comes from QMP where a monitor socket of the VM is free (query-memdev,
// query-memory-devices), else from the command line and, for memory plugged in while the VM runs,
// from libvirt. libvirt gives the name, and usually owns QMP, whose socket then answers no second
// client: it is never waited on longer than the timeout. Which
// mapping holds a block is always a rule, given in words in `identified_by` (qemu_ram.h).

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/process.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

struct GuestRam {
  std::uint64_t start = 0;  // virtual address in the QEMU process, page aligned
  std::uint64_t end = 0;
  bool shared = false;  // share=on: KSM never merges it
  std::string identified_by;
};

struct VirtualMachine {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::string name;                      // -name guest=…, libvirt's name, or "qemu-PID"
  std::string name_known_by;             // "-name", "libvirt", "QMP", "pid"
  std::optional<Bytes> memory;           // as configured; hot-plugged memory is counted by libvirt
  std::vector<GuestRam> ram;             // by address
  std::vector<std::string> qmp_sockets;  // paths from the command line
  bool merge_requested = true;           // false: -machine mem-merge=off, or a backend's merge=off
};

// Every QEMU system emulator of the host that this user can see. A VM whose mappings can't be read,
// or whose RAM was not found (all of it), is returned with what is known and the reason in
// `problems`. Processes that exit meanwhile are left out.
struct Discovery {
  std::vector<VirtualMachine> machines;  // by pid
  std::vector<Error> problems;           // `where` names the VM and its pid
};
[[nodiscard]] Result<Discovery> discover_virtual_machines(const Host& host,
                                                          std::chrono::milliseconds qmp_timeout);

// One piece of guest memory: a memory backend, or the machine's own RAM.
struct RamBlock {
  enum class Kind : std::uint8_t { anonymous, file, memfd, posix_shared };
  std::string id;  // "" for the machine's default RAM
  Kind kind = Kind::anonymous;
  std::optional<Bytes> size;
  bool share = false;
  bool merge = true;
  std::string path;     // of a file: mem-path
  bool is_ram = false;  // of the machine, a NUMA node, a DIMM or virtio-mem; not of an NVDIMM or
                        // ivshmem device, which are no RAM
};

// A monitor socket in the file system that QEMU listens on.
struct QmpSocket {
  std::string path;
  bool waits = false;  // wait=on: QEMU starts its machine only once a client has connected
};

// Pure: what the command line says. Nothing if it is not a QEMU system emulator.
struct QemuArguments {
  std::optional<std::string> name;
  std::optional<std::string> uuid;
  std::optional<Bytes> memory;  // QEMU's default of 128 MiB where nothing says otherwise
  std::vector<std::string> qmp_sockets;
  std::vector<QmpSocket> monitors;        // the same sockets, with what connecting would do
  std::vector<std::string> memory_paths;  // -mem-path, and mem-path of memory-backend-file
  // The machine's own RAM where no backend stands for it, then -object memory-backend-*, in order.
  std::vector<RamBlock> backends;
  bool shared = false;  // some RAM is share=on
  bool merge = true;

  // Those that are RAM: not of an NVDIMM or ivshmem device, and not unused.
  [[nodiscard]] std::vector<RamBlock> ram_blocks() const;
};
[[nodiscard]] std::optional<QemuArguments> parse_qemu_arguments(
    const std::vector<std::string>& arguments);
// The same where the executable is known to be a system emulator, whatever it calls itself.
[[nodiscard]] QemuArguments parse_system_emulator_arguments(
    const std::vector<std::string>& arguments);

// "/usr/bin/qemu-system-x86_64", "kvm", "/usr/libexec/qemu-kvm"; not qemu-img, qemu-x86_64 (user).
[[nodiscard]] bool is_system_emulator(std::string_view program);

}  // namespace brim::host
