// SPDX-License-Identifier: Apache-2.0
#pragma once
// Which mappings of a QEMU process hold given RAM blocks. Pure.
//
// The rule: a block is the writable mapping of its kind (private anonymous; a file at or below its
// mem-path; a memfd), of exactly its size. QEMU ends each anonymous block with an inaccessible
// guard page (util/mmap-alloc.c), so that the kernel never merges it with a neighbour; files on
// hugetlbfs round the size up to whole huge pages. A block that something cut into adjacent
// mappings (mbind, userfaultfd, madvise on a part) is found as the run that adds up to the size.
// Where more mappings than blocks fit, those that are not inherited by fork are taken (VmFlags
// "dc": QEMU sets MADV_DONTFORK on every RAM block), and of these the fullest: a DIMM plugged in
// later, or a backend that is not RAM, has less in memory than what the guest runs on. Flags and
// Rss need smaps, which is slow on big guests, so it is read only then.

#include "host/process.h"
#include "host/qemu.h"

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::host {

// QEMU has room for 256 DIMMs and 128 NUMA nodes. Blocks beyond this are only counted, in
// `missing`: a command line of any length must not hold the search up.
inline constexpr std::size_t kMostBlocks = 512;

struct RamSearch {
  std::vector<GuestRam> ram;         // by address; a block in pieces gives one entry a piece
  std::vector<std::string> missing;  // what was looked for and not found, in words
  bool ambiguous = false;            // more mappings than blocks fit, and nothing told them apart
  Bytes unexplained;  // in mappings that look like RAM blocks of a guest and were not looked for
};

// `mappings`: by address, from maps (flags empty) or smaps. `source`: where the blocks' sizes come
// from, for identified_by ("-m", "QMP").
[[nodiscard]] RamSearch find_guest_ram(std::span<const RamBlock> blocks,
                                       std::span<const SmapsEntry> mappings,
                                       std::string_view source);

}  // namespace brim::host
