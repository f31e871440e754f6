// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a file is, from its first bytes: one of the formats brim reads, or a known other that looks
// like a dump of memory, with how to get an image brim reads. A file that ends within what may
// become any of those is truncated. Anything unknown is raw memory.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace brim::image {

enum class FileKind : std::uint8_t { raw, elf, kdump, flattened, foreign, truncated };

struct Detected {
  FileKind kind = FileKind::raw;
  std::string_view what;    // foreign: what it is
  std::string_view remedy;  // foreign: what to do
};

// How many of a file's first bytes are enough; fewer are all that the file has.
inline constexpr std::size_t kDetectSize = 4096;

[[nodiscard]] Detected detect(std::span<const std::byte> first_bytes);

}  // namespace brim::image
