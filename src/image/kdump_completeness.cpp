// SPDX-License-Identifier: Apache-2.0
#include "image/kdump_completeness.h"

#include "image/kdump_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdio>

#include <unistd.h>

namespace brim::image::kdump {
namespace {

constexpr std::uint64_t kDescriptorSize = 24;
constexpr std::size_t kChunk = 24 * 1024;      // whole descriptors
constexpr std::uint64_t kSmallestDump = 4096;  // the header's block
constexpr std::uint64_t kBeyondAnyFile = std::uint64_t{1} << 62;

// Not st_size, which is 0 for a block device.
std::uint64_t size_of(int fd) {
  const off_t end = ::lseek(fd, 0, SEEK_END);
  return end < 0 ? 0 : static_cast<std::uint64_t>(end);
}

// Calls the visitor with each byte of [offset, offset + size) that is not zero, and its number,
// until it gives false. False if the file ends before.
template <class Visitor>
bool for_each_byte(const NumberReader& reader, std::uint64_t offset, std::uint64_t size,
                   Visitor visit) {
  std::array<std::byte, kChunk> chunk;
  for (std::uint64_t done = 0; done < size;) {
    const std::size_t step = std::min<std::uint64_t>(chunk.size(), size - done);
    if (!reader.read(offset + done, chunk.data(), step)) return false;
    for (std::size_t i = 0; i < step; ++i)
      if (chunk[i] != std::byte{0} && !visit(done + i, static_cast<unsigned char>(chunk[i])))
        return true;
    done += step;
  }
  return true;
}

// Where a bitmap lies.
struct Bitmap {
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
};

// How many bits are set; nothing if the file ends before.
std::optional<std::uint64_t> bits_set(const NumberReader& reader, const Bitmap& bitmap) {
  std::uint64_t bits = 0;
  const bool whole = for_each_byte(reader, bitmap.offset, bitmap.size,
                                   [&](std::uint64_t /*number*/, unsigned char byte) {
                                     bits += static_cast<std::uint64_t>(std::popcount(byte));
                                     return true;
                                   });
  if (!whole) return std::nullopt;
  return bits;
}

// The page that the descriptor of this number is for.
std::uint64_t frame_of(const NumberReader& reader, const Bitmap& bitmap, std::uint64_t descriptor) {
  std::uint64_t frame = 0;
  std::uint64_t left = descriptor;
  const auto visit = [&](std::uint64_t number, unsigned char byte) {
    for (unsigned bit = 0; bit < 8; ++bit) {
      if ((byte >> bit & 1U) == 0) continue;
      frame = number * 8 + bit;
      if (left-- == 0) return false;
    }
    return true;
  };
  for_each_byte(reader, bitmap.offset, bitmap.size, visit);
  return frame;
}

// The highest byte that the descriptors refer to, or the first that no file can have, and the
// number of its descriptor.
struct Reach {
  std::uint64_t byte = 0;
  std::optional<std::uint64_t> far_descriptor;
};

// Nothing if the file ends before the descriptors do.
std::optional<Reach> reach_of(const NumberReader& reader, std::uint64_t offset,
                              std::uint64_t count) {
  std::array<std::byte, kChunk> chunk;
  Reach reach;
  for (std::uint64_t done = 0; done < count;) {
    const std::uint64_t step =
        std::min<std::uint64_t>(chunk.size() / kDescriptorSize, count - done);
    if (!reader.read(offset + done * kDescriptorSize, chunk.data(), step * kDescriptorSize))
      return std::nullopt;
    for (std::uint64_t i = 0; i < step; ++i) {
      const std::byte* descriptor = &chunk[i * kDescriptorSize];
      const std::uint64_t data = reader.number64(descriptor);
      if (data >= kBeyondAnyFile) return Reach{data, done + i};
      reach.byte = std::max(reach.byte, data + reader.number32(descriptor + 8));
    }
    done += step;
  }
  return reach;
}

}  // namespace

std::optional<Flaw> find_header_flaw(int fd) {
  const std::uint64_t size = size_of(fd);
  if (size < kSmallestDump) return Flaw{.byte = kSmallestDump};
  const auto header = find_header(fd);
  if (!header) return std::nullopt;
  const std::uint64_t end = header->bitmaps_at() + header->bitmap_size();
  if (size < end) return Flaw{.incomplete = header->incomplete, .byte = end};
  if (header->max_mapnr > header->bitmap_size() * 8)
    return Flaw{.kind = Flaw::Kind::small_bitmap,
                .frame = header->max_mapnr,
                .blocks = header->bitmap_blocks};
  return std::nullopt;
}

std::optional<Flaw> find_page_flaw(int fd) {
  const auto header = find_header(fd);
  if (!header || header->split) return std::nullopt;
  const NumberReader reader(fd, header->big_endian);
  const auto truncated = [&](std::uint64_t byte) {
    return Flaw{.incomplete = header->incomplete, .byte = byte};
  };
  const std::uint64_t size = header->bitmap_size();  // of both, unless there is only one
  const bool two = header->max_mapnr <= size * 8 / 2;
  const std::uint64_t descriptors = header->bitmaps_at() + size;
  const std::uint64_t dumped_size = two ? size / 2 : size;
  const Bitmap dumped{descriptors - dumped_size, dumped_size};
  const auto count = bits_set(reader, dumped);
  if (!count) return truncated(descriptors);
  const auto reach = reach_of(reader, descriptors, *count);
  if (!reach) return truncated(descriptors + *count * kDescriptorSize);
  if (reach->far_descriptor)
    return Flaw{.kind = Flaw::Kind::far_page,
                .byte = reach->byte,
                .frame = frame_of(reader, dumped, *reach->far_descriptor)};
  if (reach->byte > size_of(fd)) return truncated(reach->byte);
  return std::nullopt;
}

void describe(const Flaw& flaw, std::span<char> out) {
  const auto byte = static_cast<unsigned long long>(flaw.byte);
  const auto frame = static_cast<unsigned long long>(flaw.frame);
  const auto blocks = static_cast<unsigned long long>(flaw.blocks);
  switch (flaw.kind) {
    case Flaw::Kind::truncated:
      std::snprintf(out.data(), out.size(), "%s: its headers say that it goes on to byte %llu",
                    flaw.incomplete ? "incomplete dump: its writer ran out of space" : "truncated",
                    byte);
      return;
    case Flaw::Kind::small_bitmap:
      std::snprintf(out.data(), out.size(),
                    "max_mapnr %llu needs more bitmap than the header's %llu blocks", frame,
                    blocks);
      return;
    case Flaw::Kind::far_page:
      std::snprintf(out.data(), out.size(),
                    "page descriptor of frame %llu points to byte %llu, beyond any file", frame,
                    byte);
      return;
  }
}

}  // namespace brim::image::kdump
