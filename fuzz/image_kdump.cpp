// SPDX-License-Identifier: Apache-2.0
// brim's own check that a compressed kdump is whole (libkdumpfile itself runs confined and is not
// the target): any bytes, from a file.

#include "base/fd.h"
#include "base/result.h"
#include "image/kdump_completeness.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

using brim::image::kdump::Flaw;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const brim::Fd file(::memfd_create("fuzz.kdump", MFD_CLOEXEC));
  if (::write(file.get(), data, size) != static_cast<ssize_t>(size)) return 0;
  for (const auto find :
       {brim::image::kdump::find_header_flaw, brim::image::kdump::find_page_flaw}) {
    const auto flaw = find(file.get());
    if (!flaw) continue;
    BRIM_ASSERT(flaw->kind == Flaw::Kind::small_bitmap || flaw->byte > size);
    std::array<char, 512> text;
    describe(*flaw, text);
    BRIM_ASSERT(std::strlen(text.data()) > 0 && std::strlen(text.data()) < text.size() - 1);
  }
  return 0;
}
