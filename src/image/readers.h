// SPDX-License-Identifier: Apache-2.0
#pragma once
// The readers behind open_ram_image(), one a format. Each takes an open file that its format was
// detected in; `name` is what errors call it.

#include "base/cancel.h"
#include "base/fd.h"
#include "base/result.h"
#include "image/ram_image.h"

#include <memory>
#include <string>

namespace brim::image {

struct ImageSource {
  Fd fd;
  std::string name;
  bool was_flattened = false;
  const Cancel* cancel = &kNeverCancelled;  // outlives the image
};

[[nodiscard]] Result<std::unique_ptr<RamImage>> open_raw_image(ImageSource source);
[[nodiscard]] Result<std::unique_ptr<RamImage>> open_elf_image(ImageSource source);
[[nodiscard]] Result<std::unique_ptr<RamImage>> open_kdump_image(ImageSource source);

}  // namespace brim::image
