// SPDX-License-Identifier: Apache-2.0
#include "image/ram_image.h"

#include "image/detect.h"
#include "image/flattened.h"
#include "image/mapped_file.h"
#include "image/readers.h"

#include <array>
#include <cerrno>
#include <utility>

#include <fmt/format.h>
#include <unistd.h>

namespace brim::image {
namespace {

Result<Detected> detect_file(int fd, const std::string& name) {
  std::array<std::byte, kDetectSize> first_bytes;
  ssize_t got = 0;
  do {
    got = ::pread(fd, first_bytes.data(), first_bytes.size(), 0);
  } while (got < 0 && errno == EINTR);
  if (got < 0) return fail(errno_error(errno, "read the first bytes", name));
  return detect(std::span(first_bytes).first(static_cast<std::size_t>(got)));
}

Result<std::unique_ptr<RamImage>> open_detected(ImageSource source) {
  BRIM_TRY(const Detected detected, detect_file(source.fd.get(), source.name));
  switch (detected.kind) {
    case FileKind::raw:
      return open_raw_image(std::move(source));
    case FileKind::elf:
      return open_elf_image(std::move(source));
    case FileKind::kdump:
      return open_kdump_image(std::move(source));
    case FileKind::foreign:
      return fail(ErrorCode::bad_input,
                  fmt::format("{}, not a RAM image brim reads; {}", detected.what, detected.remedy),
                  std::move(source.name));
    case FileKind::truncated:
      return fail(ErrorCode::bad_input,
                  "truncated: it ends within the bytes that would tell what it is",
                  std::move(source.name));
    case FileKind::flattened:
      break;
  }
  if (source.was_flattened)
    return fail(ErrorCode::bad_input, "a flattened dump inside a flattened dump",
                std::move(source.name));
  BRIM_TRY(source.fd, unflatten(std::move(source.fd), source.name, *source.cancel));
  source.was_flattened = true;
  return open_detected(std::move(source));  // once: see above
}

}  // namespace

std::string_view name_of(ImageFormat format) {
  switch (format) {
    case ImageFormat::raw:
      return "raw";
    case ImageFormat::elf:
      return "elf";
    case ImageFormat::kdump:
      return "kdump";
  }
  return "raw";
}

Result<std::unique_ptr<RamImage>> open_ram_image(const std::string& path, const Cancel& cancel) {
  BRIM_TRY(Fd fd, open_image_file(path));
  return open_detected({std::move(fd), path, false, &cancel});
}

}  // namespace brim::image
