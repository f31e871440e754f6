// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_header.h"

#include <array>
#include <bit>
#include <cstring>

#include <endian.h>
#include <unistd.h>

namespace brim::image::kdump {
namespace {

constexpr std::uint64_t kVersionAt = 8;
constexpr std::uint32_t kMostVersions = 0xffff;  // the latest is 6
constexpr std::uint32_t kSmallestBlock = 4096;
constexpr std::uint32_t kLargestBlock = 1U << 24;
constexpr std::uint32_t kIncomplete = 8;  // DUMP_DH_COMPRESSED_INCOMPLETE

// Offsets in the header of `status`, which block_size, sub_hdr_size, bitmap_blocks and max_mapnr
// follow (the time stamp before it differs in size), and in the sub header.
struct Layout {
  bool is_64_bit;
  std::uint64_t status_at;
  std::uint64_t split_at;
  std::uint64_t max_mapnr_64_at;  // 0: at several places, and 32 bits are enough for those kernels
};
constexpr Layout kLayouts[] = {{true, 424, 12, 96}, {false, 412, 8, 0}};

std::optional<DumpHeader> read_header(int fd, const Layout& layout, bool big_endian) {
  const NumberReader reader(fd, big_endian);
  const std::uint32_t version = reader.number32_at(kVersionAt);
  if (version > kMostVersions) return std::nullopt;  // in the other byte order
  DumpHeader header{.big_endian = big_endian, .is_64_bit = layout.is_64_bit};
  header.incomplete = (reader.number32_at(layout.status_at) & kIncomplete) != 0;
  header.block_size = reader.number32_at(layout.status_at + 4);
  header.sub_blocks = reader.number32_at(layout.status_at + 8);
  header.bitmap_blocks = reader.number32_at(layout.status_at + 12);
  header.max_mapnr = reader.number32_at(layout.status_at + 16);
  if (!std::has_single_bit(header.block_size) || header.block_size < kSmallestBlock ||
      header.block_size > kLargestBlock || header.sub_blocks == 0 || header.bitmap_blocks == 0 ||
      header.max_mapnr > header.bitmap_size() * 8)
    return std::nullopt;
  header.split = version >= 2 && reader.number32_at(header.block_size + layout.split_at) != 0;
  if (version >= 6 && layout.max_mapnr_64_at != 0)
    header.max_mapnr = reader.number64_at(header.block_size + layout.max_mapnr_64_at);
  return header;
}

}  // namespace

bool NumberReader::read(std::uint64_t offset, std::byte* out, std::size_t size) const {
  return ::pread(fd_, out, size, static_cast<off_t>(offset)) == static_cast<ssize_t>(size);
}

std::uint32_t NumberReader::number32(const std::byte* at) const {
  std::uint32_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return big_endian_ ? be32toh(value) : le32toh(value);
}

std::uint64_t NumberReader::number64(const std::byte* at) const {
  std::uint64_t value = 0;
  std::memcpy(&value, at, sizeof(value));
  return big_endian_ ? be64toh(value) : le64toh(value);
}

std::uint32_t NumberReader::number32_at(std::uint64_t offset) const {
  std::array<std::byte, 4> bytes;
  return read(offset, bytes.data(), bytes.size()) ? number32(bytes.data()) : 0;
}

std::uint64_t NumberReader::number64_at(std::uint64_t offset) const {
  std::array<std::byte, 8> bytes;
  return read(offset, bytes.data(), bytes.size()) ? number64(bytes.data()) : 0;
}

std::optional<DumpHeader> find_header(int fd) {
  std::array<std::byte, 8> magic;
  if (!NumberReader(fd, false).read(0, magic.data(), magic.size()) ||
      std::memcmp(magic.data(), "KDUMP   ", magic.size()) != 0)
    return std::nullopt;
  for (const Layout& layout : kLayouts)
    for (const bool big_endian : {false, true})
      if (auto header = read_header(fd, layout, big_endian)) return header;
  return std::nullopt;
}

}  // namespace brim::image::kdump
