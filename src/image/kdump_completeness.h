// SPDX-License-Identifier: Apache-2.0
#pragma once
// Whether a compressed kdump holds all that its headers and page descriptors say. libkdumpfile
// 0.5.1 reads what is behind the end of a truncated file as zeros and does not tell (numbers made
// of that are wrong), and takes the memory for its bitmaps at the headers' word.
//
// Source: makedumpfile's IMPLEMENTATION and diskdump_mod.h: header block, sub header, two bitmaps
// (RAM, dumped pages), one descriptor {offset 8, size 4, flags 4, page flags 8} for each dumped
// page. LIMIT: the pages of one part of a dump that was split into several files, and the older
// DISKDUMP form, are taken as they are.
//
// Runs confined: allocates nothing, reads with pread() only.

#include <cstdint>
#include <optional>
#include <span>

namespace brim::image::kdump {

struct Flaw {
  enum class Kind : std::uint8_t {
    truncated,     // the file should go on to `byte`
    small_bitmap,  // `frame` pages need more than `blocks` blocks of bitmap
    far_page,      // the descriptor of the dump's page `frame` points to `byte`, beyond any file
  };
  Kind kind = Kind::truncated;
  bool incomplete = false;  // its writer says that it ran out of space
  std::uint64_t byte = 0;
  std::uint64_t frame = 0;
  std::uint64_t blocks = 0;
};

// Of the headers alone: to be asked before libkdumpfile opens the file.
[[nodiscard]] std::optional<Flaw> find_header_flaw(int fd);
// Of the page descriptors, all of which it reads. Nothing, too, where the headers have a flaw or
// make no sense.
[[nodiscard]] std::optional<Flaw> find_page_flaw(int fd);

// One clause, ended with 0.
void describe(const Flaw& flaw, std::span<char> out);

}  // namespace brim::image::kdump
