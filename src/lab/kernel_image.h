// SPDX-License-Identifier: Apache-2.0
#pragma once
// The ELF kernel inside a bzImage (Documentation/x86/boot.rst). QEMU starts it directly (PVH),
// which under TCG takes a third of the time of a kernel that unpacks itself.

#include "base/result.h"

#include <cstddef>
#include <span>
#include <string>

namespace brim::lab {

struct KernelPayload {
  std::size_t offset = 0;
  std::size_t size = 0;  // without the length that the build appends to all but gzip
};

// Where the compressed kernel is. `bad_input` for what is no bzImage of boot protocol 2.08 (2008)
// or later. Pure.
[[nodiscard]] Result<KernelPayload> find_kernel_payload(std::span<const std::byte> image,
                                                        const std::string& where);

// Writes the kernel of the bzImage `from` as an ELF file.
[[nodiscard]] Result<void> unpack_kernel(const std::string& from, const std::string& to);

}  // namespace brim::lab
