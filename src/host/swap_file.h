// SPDX-License-Identifier: Apache-2.0
#pragma once
// A file for swap: all its blocks are there (never sparse), nobody but its owner reads it (0600:
// pages of other processes come to stand in it). Made without a name, so that what is killed before
// somebody could know of it leaves nothing; it gets one when its record is on disk.
// Internal to the host room, but for make_nameless_swap_file(): what is timed on such a file is
// what swapping to it would be.
//
// Refused where the kernel can't swap to it, or brim doesn't: tmpfs and ramfs (memory themselves),
// overlay, network file systems, FUSE, ZFS; btrfs unless it takes the file without copy-on-write.

#include "base/fd.h"
#include "base/result.h"
#include "base/units.h"
#include "host/host.h"

#include <cstdint>
#include <string>

namespace brim::host {

inline constexpr std::string_view kSwapFilePrefix = "brim-swap-";

struct SwapFile {
  std::string path;  // in no use as long as nothing is there, or something else
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
};

// `reserve` is left free on the file system. `missing` where there is no room, or no such files.
[[nodiscard]] Result<Fd> make_nameless_swap_file(const std::string& folder, Bytes size,
                                                 Bytes reserve);
// The name it will get: its inode's number, which no other file of the folder's has.
[[nodiscard]] Result<SwapFile> name_swap_file(const Fd& file, const std::string& folder);
[[nodiscard]] Result<void> give_name(const Fd& file, const SwapFile& named);

// Swaps off where it is in use, and removes it. Nothing where the path is not this very file's.
[[nodiscard]] Result<void> remove_swap_file(const Host& host, const SwapFile& file);

}  // namespace brim::host
