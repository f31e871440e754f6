// SPDX-License-Identifier: Apache-2.0
#pragma once
// What memory libvirt has given a domain beside the machine's own, by the XML of the running
// domain. Pure.

#include "host/qemu.h"

#include <string>
#include <vector>

namespace brim::host {

// The backends behind the domain's DIMMs and virtio-mem devices, those plugged in while it runs
// included: id, kind, size and sharing follow from the XML as in libvirt's
// qemuBuildMemoryBackendProps (qemu_command.c). NVDIMMs and virtio-pmem are no RAM. Empty for what
// is no domain XML.
[[nodiscard]] std::vector<RamBlock> memory_devices(const std::string& domain_xml);

}  // namespace brim::host
