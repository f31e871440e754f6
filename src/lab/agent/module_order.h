// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which modules a guest's kernel needs for its devices, and in which order they are loaded.

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::lab {

// The devices of the lab's guests, and their root file system. ext4 asks for crc32c by name, which
// no dependency tells.
inline constexpr std::array<std::string_view, 7> kGuestModules = {
    "virtio_pci", "virtio_console", "virtio_balloon", "virtio_blk", "virtio_net", "crc32c_generic",
    "ext4"};

// Paths, as in modules.dep (modules.dep(5)), of the wanted modules and of all they depend on, each
// after those. Names are as the kernel shows them ("virtio_pci"). A wanted module that is not there
// is built into the kernel, or the kernel has none: it is left out. Pure.
[[nodiscard]] std::vector<std::string> modules_in_order(std::string_view modules_dep,
                                                        std::span<const std::string_view> wanted);

// "virtio_balloon" of "kernel/drivers/virtio/virtio_balloon.ko.xz". Pure.
[[nodiscard]] std::string module_name(std::string_view path);

}  // namespace brim::lab
