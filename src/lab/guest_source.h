// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where guests' kernels come from: `brim lab prepare`, or the user.
//
// A kernel of the user's is started with the lab's initramfs, whose agent is the guest's first
// process. The agent needs virtio_pci and virtio_console: built into the kernel, or, with an
// initramfs of the user's, as modules in its /lib/modules (uncompressed, or by a kernel that
// unpacks them itself); root file systems need virtio_blk and ext4. Of the user's initramfs only
// these are used: the lab's /init stands in place of its own.

#include "base/result.h"
#include "lab/prepare.h"

#include <string>

namespace brim::lab {

// `kernel`: "6.1", "6.1-cloud", "6.12", "6.12-cloud", or a file (whatever has a slash in it, or is
// there). `initrd`: a file, for a kernel that is a file; may be empty. `bad_input` for a name that
// is neither, naming the nearest known one, and for a file that can't be read.
[[nodiscard]] Result<KernelFiles> find_kernel(const Cache& cache, const std::string& kernel,
                                              const std::string& initrd);

}  // namespace brim::lab
