// SPDX-License-Identifier: Apache-2.0
#include "lab/kernel_image.h"

#include "lab/archive.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include <fmt/format.h>

namespace brim::lab {
namespace {

// Offsets in the real-mode kernel header.
constexpr std::size_t kSetupSectors = 0x1f1;
constexpr std::size_t kHeaderMagic = 0x202;
constexpr std::size_t kProtocol = 0x206;
constexpr std::size_t kPayloadOffset = 0x248;
constexpr std::size_t kPayloadLength = 0x24c;
constexpr std::size_t kHeaderEnd = 0x250;
constexpr std::size_t kSectorSize = 512;
constexpr std::uint16_t kFirstWithPayload = 0x0208;

template <class Number>
Number number_at(std::span<const std::byte> bytes, std::size_t offset) {
  Number number{};
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

bool is_gzip(std::span<const std::byte> payload) {
  return payload.size() > 2 && payload[0] == std::byte{0x1f} && payload[1] == std::byte{0x8b};
}

}  // namespace

Result<KernelPayload> find_kernel_payload(std::span<const std::byte> image,
                                          const std::string& where) {
  const auto wrong = [&where](const std::string& what) {
    return fail(ErrorCode::bad_input, "not a kernel image brim can unpack: " + what, where);
  };
  if (image.size() < kHeaderEnd || std::memcmp(image.data() + kHeaderMagic, "HdrS", 4) != 0)
    return wrong("no HdrS at 0x202");
  const auto protocol = number_at<std::uint16_t>(image, kProtocol);
  if (protocol < kFirstWithPayload)
    return wrong(fmt::format("boot protocol {}.{:02}", protocol >> 8, protocol & 0xff));
  // 0 stands for 4, for the sake of very old boot loaders.
  const auto sectors = std::to_integer<std::size_t>(image[kSetupSectors]);
  const std::size_t setup = ((sectors == 0 ? 4 : sectors) + 1) * kSectorSize;
  const std::size_t offset = setup + number_at<std::uint32_t>(image, kPayloadOffset);
  const std::size_t length = number_at<std::uint32_t>(image, kPayloadLength);
  if (length <= sizeof(std::uint32_t) || offset > image.size() || length > image.size() - offset)
    return wrong("its payload lies outside the file");
  const bool gzip = is_gzip(image.subspan(offset, length));
  return KernelPayload{offset, gzip ? length : length - sizeof(std::uint32_t)};
}

Result<void> unpack_kernel(const std::string& from, const std::string& to) {
  std::ifstream file(from, std::ios::binary);
  if (!file) return fail(errno_error(errno, "open", from));
  const std::vector<char> image{std::istreambuf_iterator<char>(file),
                                std::istreambuf_iterator<char>()};
  const auto bytes = std::as_bytes(std::span(image));
  BRIM_TRY(const KernelPayload payload, find_kernel_payload(bytes, from));
  BRIM_CHECK(decompress(bytes.subspan(payload.offset, payload.size), to, from));
  std::ifstream unpacked(to, std::ios::binary);
  std::string magic(4, '\0');
  if (!unpacked.read(magic.data(), 4) || magic !=
                                             "\x7f"
                                             "ELF")
    return fail(ErrorCode::bad_input, "its payload is not an ELF kernel", from);
  return {};
}

}  // namespace brim::lab
