// SPDX-License-Identifier: Apache-2.0
// brim's own check that a compressed kdump is whole (libkdumpfile itself runs confined and is not
// the target): any bytes, any shape that libkdumpfile may report, from a file.

#include "base/fd.h"
#include "base/result.h"
#include "image/kdump_completeness.h"

#include <cstddef>
#include <cstdint>

#include <sys/mman.h>
#include <unistd.h>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const brim::Fd file(::memfd_create("fuzz.kdump", MFD_CLOEXEC));
  if (::write(file.get(), data + 2, size - 2) != static_cast<ssize_t>(size - 2)) return 0;
  const brim::image::kdump::DumpShape shape{(data[0] & 1U) != 0, (data[0] & 2U) != 0,
                                            std::uint64_t{data[1]} << (data[0] >> 3U)};
  const auto end = brim::image::kdump::missing_up_to(file.get(), shape);
  BRIM_ASSERT(!end || *end > size - 2);
  return 0;
}
