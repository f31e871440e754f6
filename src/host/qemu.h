// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which processes are QEMU virtual machines, what they are called, and which of their mappings are
// guest RAM, each with how it is known.
//
// Order of trust for guest RAM: QMP of our own when a free monitor socket answers
// (query-memdev sizes, "info mtree" is not parsed); libvirt (domain name, memory size; libvirt
// usually owns QMP, whose socket then accepts no second client: never wait on it longer than the
// timeout); else the rule used, in words: "largest private anonymous mapping of exactly -m bytes",
// "memory-backend-file mem-path=...", "memfd".

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/process.h"

namespace brim::host {

struct GuestRam {
  std::uint64_t start = 0;  // virtual address in the QEMU process, page aligned
  std::uint64_t end = 0;
  bool shared = false;     // share=on: KSM never merges it
  std::string identified_by;
};

struct VirtualMachine {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::string name;           // -name guest=…, libvirt's name, or "qemu-PID"
  std::string name_known_by;  // "-name", "libvirt", "QMP", "pid"
  std::optional<Bytes> memory;  // as configured
  std::vector<GuestRam> ram;
  std::vector<std::string> qmp_sockets;  // paths from the command line
  bool merge_requested = true;           // -machine mem-merge=off, or the backend's merge=off
};

// Every QEMU system emulator of the host that this user can see. A VM whose mappings can't be read is
// returned with empty ram and the reason in `problem`.
struct Discovery {
  std::vector<VirtualMachine> machines;  // by pid
  std::vector<Error> problems;           // one per VM that could not be looked into
};
[[nodiscard]] Result<Discovery> discover_virtual_machines(
    const Host& host, std::chrono::milliseconds qmp_timeout);

// Pure: what the command line says. Nothing if it is not a QEMU system emulator.
struct QemuArguments {
  std::optional<std::string> name;
  std::optional<Bytes> memory;
  std::vector<std::string> qmp_sockets;
  std::vector<std::string> memory_paths;  // mem-path of memory-backend-file
  bool shared = false;
  bool merge = true;
};
[[nodiscard]] std::optional<QemuArguments> parse_qemu_arguments(
    const std::vector<std::string>& arguments);

}  // namespace brim::host
