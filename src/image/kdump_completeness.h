// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a compressed kdump holds all that its page descriptors say. libkdumpfile 0.5.1 reads what
// is behind the end of a truncated file as zeros and does not tell; numbers made of that are wrong.
//
// Source: makedumpfile's IMPLEMENTATION and diskdump_mod.h: header block, sub header, two bitmaps
// (RAM, dumped pages), one descriptor {offset 8, size 4, flags 4, page flags 8} for each dumped
// page. LIMIT: one part of a dump that was split into several files, and the older DISKDUMP form,
// are taken as they are.

#include <cstdint>
#include <optional>

namespace brim::image::kdump {

// What libkdumpfile found out about the file.
struct DumpShape {
  bool big_endian = false;
  bool is_64_bit = true;        // of the dumped kernel
  std::uint64_t end_frame = 0;  // one past the highest page that the bitmaps count
};

// The byte up to which the file must reach; nothing if it does, or has no such form. Runs confined:
// allocates nothing, reads with pread() only.
[[nodiscard]] std::optional<std::uint64_t> missing_up_to(int fd, const DumpShape& shape);

}  // namespace brim::image::kdump
