// SPDX-License-Identifier: Apache-2.0
// Format detection: any first bytes, any number of them.

#include "base/result.h"
#include "image/detect.h"

#include <cstddef>
#include <cstdint>
#include <span>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto detected = brim::image::detect(std::as_bytes(std::span(data, size)));
  const bool foreign = detected.kind == brim::image::FileKind::foreign;
  BRIM_ASSERT(foreign == !detected.what.empty() && foreign == !detected.remedy.empty());
  return 0;
}
