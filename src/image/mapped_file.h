// SPDX-License-Identifier: Apache-2.0
#pragma once
// A regular file or block device mapped as a whole, read only. Offsets and sizes in bytes, of the
// moment of opening.
//
// Invariants: the mapping is whole pages, and the bytes between the file's end and the page's are
// zeros; touching any of it never kills the process (MappingGuard), check_intact() then tells.
// Does not see data that is added to the file, or written into its holes, later.

#include "base/fd.h"
#include "base/result.h"
#include "image/mapping_guard.h"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace brim::image {

struct ByteRange {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;  // one past the last
  bool operator==(const ByteRange&) const = default;
};

// Opens a file for reading. Anything but a regular file or block device is bad_input, and so is an
// empty one; a FIFO is not waited for.
[[nodiscard]] Result<Fd> open_image_file(const std::string& path);

class MappedFile {
 public:
  // `name` is what errors call the file.
  [[nodiscard]] static Result<std::unique_ptr<MappedFile>> create(Fd fd, std::string name);
  ~MappedFile();
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int fd() const { return fd_.get(); }
  // Without the zeros that fill up the last page.
  [[nodiscard]] std::uint64_t size() const { return size_; }
  [[nodiscard]] std::span<const std::byte> bytes() const { return {base_, size_}; }
  // With them.
  [[nodiscard]] std::span<const std::byte> padded_bytes() const { return {base_, length_}; }

  // Has the pages of [offset, offset + length) mapped at once, instead of one fault for every few;
  // asked for the same range again, does nothing. Errors as check_intact(). Thread-safe.
  [[nodiscard]] Result<void> prefetch(std::uint64_t offset, std::uint64_t length) const;
  [[nodiscard]] Result<void> check_intact() const;

  // Ranges that hold no data and read as zeros, ascending, at most `limit` of them; empty for a
  // device or a filesystem that can't tell.
  [[nodiscard]] std::vector<ByteRange> holes(std::size_t limit) const;

 private:
  MappedFile(Fd fd, std::string name, std::uint64_t size, std::size_t length, std::byte* base,
             std::size_t page_size);
  [[nodiscard]] Result<void> fill_last_page();
  [[nodiscard]] Result<void> failure() const;

  // What was prefetched of the 2 MiB that a range begins in: where it begins and how long it is.
  struct Prefetched {
    std::atomic<std::uint64_t> range{0};
  };

  Fd fd_;
  std::string name_;
  std::uint64_t size_;
  std::size_t length_;  // size_ up to whole pages
  std::byte* base_;
  std::optional<MappingGuard> guard_;
  // Empty for files beyond 1 TiB: there the kernel is asked each time.
  mutable std::vector<Prefetched> prefetched_;
};

}  // namespace brim::image
