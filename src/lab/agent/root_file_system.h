// SPDX-License-Identifier: Apache-2.0
#pragma once
// A guest's root file system: the disk that `brim lab prepare --only rootfs` made, over which QEMU
// keeps what the guest writes in a scratch file. The agent itself stays in the initramfs.

#include "base/result.h"

#include <string>

namespace brim::lab {

// The disk's serial number, by which the agent finds it among others.
inline constexpr char kRootDiskSerial[] = "brim-root";

// Mounts the disk, and /proc, /sys, /dev and /run in it, and makes it this process's root. For a
// process with a mount namespace of its own: the mounts go with that. `missing` without the disk.
[[nodiscard]] Result<void> enter_root_file_system();

}  // namespace brim::lab
