// SPDX-License-Identifier: Apache-2.0
// makedumpfile's flattened form: whatever the bytes, an error or records within the file, within
// the stated bound.

#include "base/units.h"
#include "image/flattened.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = std::as_bytes(std::span(data, size));
  std::uint64_t end = 0;
  unsigned sum = 0;
  const auto dump_size = brim::image::for_each_record(
      file, "fuzz.flat",
      [&](std::uint64_t offset, std::span<const std::byte> bytes) -> brim::Result<void> {
        BRIM_ASSERT(!bytes.empty());
        for (const std::byte byte : bytes) sum += static_cast<unsigned>(byte);
        end = std::max(end, offset + bytes.size());
        return {};
      });
  BRIM_ASSERT(end <= 4 * size + brim::gibibytes(1).count());
  BRIM_ASSERT(!dump_size || *dump_size == end);
  return sum == 1U << 31U ? 1 : 0;  // so that the bytes are really read
}
