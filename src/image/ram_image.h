// SPDX-License-Identifier: Apache-2.0
#pragma once
// A virtual machine's RAM as a file, read only. Formats:
//   raw          linear guest-physical memory (VMware .vmem, lqs2mem, dd); a last partial page is
//                padded with zeros
//   elf          ELF core, PT_LOAD segments at their physical address (QEMU dump-guest-memory,
//                virsh dump --memory-only); pages beyond or between the segments are not pages
//   kdump        compressed kdump (makedumpfile), through libkdumpfile in a confined child
//   flattened    makedumpfile's flattened form; rearranged to a temporary file first, then as the
//                format inside
// Pages are 4 KiB, named by GuestFrame (guest-physical address / 4 KiB; raw: file offset / 4 KiB).
// Memory the file does not hold is never zero: it is no page of the image, or, where the file names
// it (filtered from a kdump; at the end of a segment whose p_filesz is less than its p_memsz),
// unavailable.
//
// Errors: bad_input with file and byte for anything wrong in the file; a file that shrinks while
// read is `gone` ("shrank while being read"), never a SIGBUS. The bytes read() gives are consumed
// after it has returned, so whoever consumed them calls check_intact() before trusting the result.
// The size, the headers and the holes are those of the moment of opening.
// Threads: read() may be called from several threads at once, each with its own scratch. Call
// open_ram_image() before starting threads: a kdump image forks its readers.

#include "base/cancel.h"
#include "base/result.h"
#include "base/units.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace brim::image {

enum class ImageFormat : std::uint8_t { raw, elf, kdump };
[[nodiscard]] std::string_view name_of(ImageFormat format);

// Consecutive pages that the image holds. Sorted by first, not overlapping.
struct Extent {
  GuestFrame first;
  Pages count;
};

// Reusable space for pages that must be assembled (unaligned segments, compressed pages).
using Scratch = std::vector<std::byte>;

class RamImage {
 public:
  virtual ~RamImage() = default;

  [[nodiscard]] virtual ImageFormat format() const = 0;
  [[nodiscard]] virtual bool was_flattened() const { return false; }
  [[nodiscard]] virtual std::span<const Extent> extents() const = 0;
  // Pages of which the file holds only a part, the rest read as zeros.
  [[nodiscard]] virtual Pages padded_pages() const = 0;
  // Pages that the file's headers name, and of which it holds nothing: outside extents(), and as
  // many as a header says, whatever the file's size.
  [[nodiscard]] virtual Pages missing_pages() const { return Pages(0); }

  // Subranges of extents() that are zero, known without reading them: holes of a sparse file.
  // Sorted, not overlapping; not necessarily all of them. Count them instead of reading them: a
  // sparse file of 1 TiB is then as fast as its data, and reading a hole of a tmpfs file would
  // allocate it.
  [[nodiscard]] virtual std::span<const Extent> zero_extents() const { return {}; }

  // `count` consecutive pages from `first`, all within one extent. The bytes are valid until the
  // next call with the same scratch or the image's end; they point into the file's mapping where
  // they can, at any alignment (an ELF core's segments rarely start at a page of the file), and are
  // assembled in scratch otherwise: ask for a few MiB at a time. `unavailable` gets the frames that
  // the file names but does not hold (filtered by makedumpfile, excluded) or holds damaged
  // (damage() says so); their bytes are zeros; it is appended to, ascending.
  virtual Result<std::span<const std::byte>> read(GuestFrame first, Pages count, Scratch& scratch,
                                                  std::vector<GuestFrame>& unavailable) const = 0;

  // Whether the bytes handed out so far were the file's: `gone` when it shrank since it was opened,
  // `io` when a page of it could not be read (bytes were zeros then).
  [[nodiscard]] virtual Result<void> check_intact() const = 0;

  // What is known to be wrong with the file so far although the rest of it can be read: a page that
  // could not be (the lowest one) or a writer that had to give up. Ask after reading.
  [[nodiscard]] virtual std::optional<Error> damage() const { return std::nullopt; }
  // What a user should know of an image that is as it should be, a sentence each without full stop.
  [[nodiscard]] virtual std::vector<std::string> notes() const { return {}; }
};

// Detects the format from the content. `path` is a regular file or a block device; a directory, an
// empty file, or a foreign format that looks like a dump (a QEMU savevm or qcow2 file, LiME, a
// Windows crash dump) is bad_input that says what it is and how to get a readable image.
// What a kdump takes to be opened and read, and a flattened file to be rearranged, can be stopped
// (`interrupted`); `cancel` must outlive the image.
[[nodiscard]] Result<std::unique_ptr<RamImage>> open_ram_image(
    const std::string& path, const Cancel& cancel = kNeverCancelled);

}  // namespace brim::image
