// SPDX-License-Identifier: Apache-2.0
// The readers of traces: any bytes, in the format that the first of them says. How large the buffer
// is and how many references are asked for at once must not change what is read.

#include "base/result.h"
#include "image/trace_readers.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

using brim::image::TraceFormat;
using brim::image::TraceOptions;
using brim::image::TraceReference;

namespace {

// What compressed bytes become can be endless.
constexpr std::size_t kMostReferences = 1 << 14;

struct Readings {
  std::vector<TraceReference> references;
  std::string error;
  std::string last_place;
};

Readings read_trace(std::span<const std::byte> bytes, TraceFormat format,
                    const TraceOptions& options, std::size_t buffer_size, std::size_t batch) {
  Readings result;
  auto reader = brim::image::open_trace_source(
      {brim::image::memory_source(bytes), "fuzz.trace", buffer_size}, format, options);
  if (!reader) {
    result.error = brim::error_line(reader.error());
    return result;
  }
  std::vector<TraceReference> some(batch);
  while (result.references.size() < kMostReferences) {
    some.resize(std::min(batch, kMostReferences - result.references.size()));
    const auto count = (*reader)->read(some);
    if (!count) {
      result.error = brim::error_line(count.error());
      break;
    }
    BRIM_ASSERT(*count <= some.size());
    result.references.insert(result.references.end(), some.begin(),
                             some.begin() + static_cast<std::ptrdiff_t>(*count));
    if (*count > 0) result.last_place = (*reader)->place(result.references.size() - 1);
    if (*count < some.size()) break;
  }
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const auto bytes = std::as_bytes(std::span(data + 1, size - 1));
  const auto format = static_cast<TraceFormat>(data[0] % 5);
  const unsigned rest = data[0] / 5;
  const TraceOptions options = {.instructions = rest % 2 == 1,
                                .page_size = rest / 2 % 2 == 1 ? 16U : 4096U};
  const Readings whole = read_trace(bytes, format, options, brim::image::kTraceBuffer, 4096);
  const Readings pieces = read_trace(bytes, format, options, 5, 3);
  BRIM_ASSERT(whole.error == pieces.error);
  // Before an error, whatever there was in its batch is not given.
  const std::size_t common = std::min(whole.references.size(), pieces.references.size());
  BRIM_ASSERT(!whole.error.empty() || whole.references.size() == pieces.references.size());
  BRIM_ASSERT(std::equal(whole.references.begin(),
                         whole.references.begin() + static_cast<std::ptrdiff_t>(common),
                         pieces.references.begin()));
  BRIM_ASSERT(!whole.error.empty() || whole.last_place == pieces.last_place);
  return 0;
}
