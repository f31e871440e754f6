// SPDX-License-Identifier: Apache-2.0
#pragma once
// Where an ELF core (System V gABI, e_type ET_CORE) keeps guest memory: its PT_LOAD segments by
// physical address. ELF64 and ELF32, little-endian, any machine; up to 2^32 program headers through
// PN_XNUM, as far as the file holds them. Nothing but headers is read.
//
// A segment without file bytes (p_filesz 0: filtered by QEMU's dump-guest-memory) is left out. One
// with fewer file bytes than memory (makedumpfile -E) lacks its last pages: they were filtered, and
// need not have been zero.
// Segments that overlap and take the common bytes from the same place of the file are united: QEMU
// writes such aliases with paging=true. Any other overlap is an error.
// LIMIT: a Linux vmcore copied from /proc/vmcore keeps a second copy of the kernel's text in a
// segment that overlaps RAM; it is refused.

#include "base/result.h"

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace brim::image {

// A run of guest-physical bytes. All in bytes; sums don't overflow.
struct ElfSegment {
  std::uint64_t header = 0;       // number of its program header, the first if several were united
  std::uint64_t address = 0;      // p_paddr
  std::uint64_t offset = 0;       // p_offset
  std::uint64_t file_size = 0;    // p_filesz, > 0, within the file
  std::uint64_t memory_size = 0;  // p_memsz >= file_size, of whatever size; the rest is not held

  [[nodiscard]] std::uint64_t file_end() const { return address + file_size; }
  [[nodiscard]] std::uint64_t end() const { return address + memory_size; }
};

// Ascending by address, not overlapping, at least one. `file` is the whole file, `name` what errors
// call it.
[[nodiscard]] Result<std::vector<ElfSegment>> parse_elf_core(std::span<const std::byte> file,
                                                             const std::string& name);

}  // namespace brim::image
