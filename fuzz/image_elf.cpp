// SPDX-License-Identifier: Apache-2.0
// The ELF core reader: whatever the bytes, an error or segments that keep their promises.

#include "image/elf_layout.h"

#include <cstddef>
#include <cstdint>
#include <span>

using brim::image::ElfSegment;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto segments =
      brim::image::parse_elf_core(std::as_bytes(std::span(data, size)), "fuzz.elf");
  if (!segments) return 0;
  BRIM_ASSERT(!segments->empty());
  std::uint64_t end = 0;
  for (const ElfSegment& segment : *segments) {
    BRIM_ASSERT(segment.address >= end);
    BRIM_ASSERT(segment.file_size > 0 && segment.file_size <= segment.memory_size);
    BRIM_ASSERT(segment.offset <= size && segment.file_size <= size - segment.offset);
    BRIM_ASSERT(segment.end() > segment.address);
    end = segment.end();
  }
  return 0;
}
