// SPDX-License-Identifier: Apache-2.0
#pragma once
// What libarchive does for the lab: decompressing, and writing the cpio archives that the kernel
// unpacks into its first root file system (Documentation/driver-api/early-userspace/
// buffer-format.rst; "newc").

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace brim::lab {

// Decompresses into a new file: gzip, xz, lzma, lz4 (also the kernel's legacy frames), zstd, bzip2
// or lzop, told by its first bytes. `bad_input` for anything else.
[[nodiscard]] Result<void> decompress(std::span<const std::byte> data, const std::string& to,
                                      const std::string& where);

struct ArchiveEntry {
  enum class Kind : std::uint8_t { directory, file, program, link, character_device };
  Kind kind = Kind::file;
  std::string name;    // without a leading slash
  std::string source;  // file, program: the file whose bytes it gets
  std::string text;    // file without a source: its bytes; link: its target
  unsigned major = 0;  // character_device
  unsigned minor = 0;
};

// All entries belong to root and carry the time 0, so that the same entries make the same bytes.
[[nodiscard]] Result<void> write_initramfs(const std::string& path,
                                           const std::vector<ArchiveEntry>& entries);

}  // namespace brim::lab
