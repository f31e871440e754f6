// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which modules a guest's kernel needs for its devices, and in which order they are loaded.

#include "base/result.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::lab {

// Paths, as in modules.dep (modules.dep(5)), of the wanted modules and of all they depend on, each
// after those. Names are as the kernel shows them ("virtio_pci"). A wanted module that is not there
// is built into the kernel, or the kernel has none: it is left out. Pure.
[[nodiscard]] std::vector<std::string> modules_in_order(std::string_view modules_dep,
                                                        std::span<const std::string_view> wanted);

// "virtio_balloon" of "kernel/drivers/virtio/virtio_balloon.ko.xz". Pure.
[[nodiscard]] std::string module_name(std::string_view path);

// Writes an initramfs part with the modules, decompressed, and the list by which the agent loads
// them. `tree` is what depmod -b was run on.
[[nodiscard]] Result<void> write_modules(const std::string& tree,
                                         const std::vector<std::string>& paths,
                                         const std::string& work, const std::string& to);

}  // namespace brim::lab
