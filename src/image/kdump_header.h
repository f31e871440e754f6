// SPDX-License-Identifier: Apache-2.0
#pragma once
// What brim itself reads in a compressed kdump's headers, before and beside libkdumpfile. Allocates
// nothing, reads with pread() only, so that a confined child may use it.
//
// Source: makedumpfile's diskdump_mod.h (struct disk_dump_header, struct kdump_sub_header). Their
// layout differs with the dumped kernel's byte order and word size, which nothing in the file
// tells: like libkdumpfile, brim takes the first that makes sense.

#include <cstddef>
#include <cstdint>
#include <optional>

namespace brim::image::kdump {

// Numbers of a file in its byte order.
class NumberReader {
 public:
  NumberReader(int fd, bool big_endian) : fd_(fd), big_endian_(big_endian) {}

  // False where the file ends before.
  [[nodiscard]] bool read(std::uint64_t offset, std::byte* out, std::size_t size) const;
  [[nodiscard]] std::uint32_t number32(const std::byte* at) const;
  [[nodiscard]] std::uint64_t number64(const std::byte* at) const;
  // 0 where the file ends before.
  [[nodiscard]] std::uint32_t number32_at(std::uint64_t offset) const;
  [[nodiscard]] std::uint64_t number64_at(std::uint64_t offset) const;

 private:
  int fd_;
  bool big_endian_;
};

struct DumpHeader {
  bool big_endian = false;
  bool is_64_bit = true;            // the dumped kernel
  std::uint32_t block_size = 0;     // bytes; a page of the dump
  std::uint32_t sub_blocks = 0;     // the sub header's
  std::uint32_t bitmap_blocks = 0;  // both bitmaps'
  std::uint64_t max_mapnr = 0;      // pages that the bitmaps count
  bool incomplete = false;          // its writer ran out of space
  bool split = false;               // one of several files of a dump

  // Where the headers and bitmaps end. No overflow: all three are 32 bits, blocks at most 16 MiB.
  [[nodiscard]] std::uint64_t bitmaps_at() const {
    return std::uint64_t{block_size} * (std::uint64_t{1} + sub_blocks);
  }
  [[nodiscard]] std::uint64_t bitmap_size() const {
    return std::uint64_t{block_size} * bitmap_blocks;
  }
};

// Nothing if the file is no KDUMP, or its header makes no sense in any layout.
[[nodiscard]] std::optional<DumpHeader> find_header(int fd);

}  // namespace brim::image::kdump
