// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_completeness.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include <endian.h>
#include <sys/stat.h>
#include <unistd.h>

namespace brim::image::kdump {
namespace {

constexpr std::uint64_t kDescriptorSize = 24;
constexpr std::size_t kChunk = 24 * 1024;  // whole descriptors

// Offsets of block_size in the header (struct disk_dump_header; the time stamp differs in size),
// and of `split` in the sub header. sub_hdr_size and bitmap_blocks follow block_size.
constexpr std::uint64_t kBlockSizeAt64 = 428;
constexpr std::uint64_t kBlockSizeAt32 = 416;
constexpr std::uint64_t kSplitAt64 = 12;
constexpr std::uint64_t kSplitAt32 = 8;

class Reader {
 public:
  Reader(int fd, bool big_endian) : fd_(fd), big_endian_(big_endian) {}

  [[nodiscard]] bool read(std::uint64_t offset, std::byte* out, std::size_t size) const {
    return ::pread(fd_, out, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
  }
  [[nodiscard]] std::uint32_t number32(const std::byte* at) const {
    std::uint32_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return big_endian_ ? be32toh(value) : le32toh(value);
  }
  [[nodiscard]] std::uint64_t number64(const std::byte* at) const {
    std::uint64_t value = 0;
    std::memcpy(&value, at, sizeof(value));
    return big_endian_ ? be64toh(value) : le64toh(value);
  }
  [[nodiscard]] std::optional<std::uint32_t> number32_at(std::uint64_t offset) const {
    std::array<std::byte, 4> bytes;
    if (!read(offset, bytes.data(), bytes.size())) return std::nullopt;
    return number32(bytes.data());
  }

 private:
  int fd_;
  bool big_endian_;
};

// How many bits are set in [offset, offset + size); nothing if the file ends before.
std::optional<std::uint64_t> bits_set(const Reader& reader, std::uint64_t offset,
                                      std::uint64_t size) {
  std::array<std::byte, kChunk> chunk;
  std::uint64_t bits = 0;
  for (std::uint64_t done = 0; done < size;) {
    const std::size_t step = std::min<std::uint64_t>(chunk.size(), size - done);
    if (!reader.read(offset + done, chunk.data(), step)) return std::nullopt;
    for (std::size_t i = 0; i < step; ++i)
      bits += static_cast<std::uint64_t>(std::popcount(static_cast<unsigned char>(chunk[i])));
    done += step;
  }
  return bits;
}

// The highest byte that the descriptors refer to; nothing if the file ends before they do.
std::optional<std::uint64_t> end_of_pages(const Reader& reader, std::uint64_t offset,
                                          std::uint64_t count) {
  std::array<std::byte, kChunk> chunk;
  std::uint64_t end = 0;
  for (std::uint64_t left = count * kDescriptorSize; left > 0;) {
    const std::size_t step = std::min<std::uint64_t>(chunk.size(), left);
    if (!reader.read(offset, chunk.data(), step)) return std::nullopt;
    for (std::size_t i = 0; i < step; i += kDescriptorSize) {
      const std::uint64_t data = reader.number64(&chunk[i]);
      const std::uint64_t size = reader.number32(&chunk[i + 8]);
      end = std::max(end, data > UINT64_MAX - size ? UINT64_MAX : data + size);
    }
    offset += step;
    left -= step;
  }
  return end;
}

}  // namespace

std::optional<std::uint64_t> missing_up_to(int fd, const DumpShape& shape) {
  const Reader reader(fd, shape.big_endian);
  std::array<std::byte, 8> magic;
  struct stat status = {};
  if (!reader.read(0, magic.data(), magic.size()) || ::fstat(fd, &status) != 0 ||
      std::memcmp(magic.data(), "KDUMP   ", magic.size()) != 0)
    return std::nullopt;
  const std::uint64_t at = shape.is_64_bit ? kBlockSizeAt64 : kBlockSizeAt32;
  const std::uint64_t block = reader.number32_at(at).value_or(0);
  const std::uint64_t sub_blocks = reader.number32_at(at + 4).value_or(0);
  const std::uint64_t bitmap_blocks = reader.number32_at(at + 8).value_or(0);
  if (block == 0 || block > (1U << 24)) return std::nullopt;  // libkdumpfile has refused those
  if (reader.number32_at(block + (shape.is_64_bit ? kSplitAt64 : kSplitAt32)).value_or(0) != 0)
    return std::nullopt;
  const std::uint64_t bitmaps = block * (1 + sub_blocks);
  const std::uint64_t size = block * bitmap_blocks;  // of both, unless there is only one
  const bool two = shape.end_frame <= size * 8 / 2;
  const std::uint64_t dumped = two ? size / 2 : size;
  const std::uint64_t descriptors = bitmaps + size;
  const auto file_size = static_cast<std::uint64_t>(status.st_size);
  const auto count = bits_set(reader, descriptors - dumped, dumped);
  if (!count) return descriptors;
  const auto end = end_of_pages(reader, descriptors, *count);
  if (!end) return descriptors + *count * kDescriptorSize;
  return *end > file_size ? end : std::nullopt;
}

}  // namespace brim::image::kdump
