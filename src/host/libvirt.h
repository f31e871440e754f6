// SPDX-License-Identifier: Apache-2.0
#pragma once
// The domains libvirt runs on this host, asked read-only. Tells names, UUIDs, configured memory and
// memory devices of VMs; changes nothing. A host without libvirt is ordinary: `missing`, nothing
// printed.
//
// libvirt's library runs in a forked child with a time limit, because a hanging daemon would hang
// it, and because it keeps state for the life of a process.

#include "base/result.h"
#include "base/units.h"
#include "host/host.h"
#include "host/qemu.h"

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

struct LibvirtDomain {
  std::string name;
  std::string uuid;             // with hyphens, lower case
  std::optional<Bytes> memory;  // the most it may have: currentMemory can be ballooned below
  std::vector<RamBlock> memory_devices;  // now, plugged in at any time; libvirt_memory.h
};

// Active domains of a connection ("qemu:///system"), by name.
[[nodiscard]] Result<std::vector<LibvirtDomain>> list_libvirt_domains(
    const std::string& uri, std::chrono::milliseconds timeout);
// The same for the system's QEMU driver, where its socket exists; `missing` for fixtures. A socket
// is looked for first, so that asking never starts a daemon that is not there. (One that systemd
// holds open for a daemon that is not running does start it, as `virsh list` would.)
[[nodiscard]] Result<std::vector<LibvirtDomain>> list_system_domains(
    const Host& host, std::chrono::milliseconds timeout);

// Name by pid from /run/libvirt/qemu/NAME.pid; needs no daemon. Files may be stale: callers check
// that the process is a QEMU. Empty where there is no libvirt.
[[nodiscard]] std::map<int, std::string> read_libvirt_pid_files(const Host& host);

// Version of the client library, "9.0.0".
[[nodiscard]] std::string libvirt_library_version();

}  // namespace brim::host
