// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/direct_io.h"

#include <cerrno>
#include <cstring>

#include <unistd.h>

namespace brim::thrash::live {

IoBuffer::IoBuffer(Bytes size)
    : size_(size.count()),
      bytes_(static_cast<std::byte*>(::operator new(size_, std::align_val_t{kPageSize}))) {
  std::memset(bytes_.get(), 0, size_);
}

Result<void> transfer(int fd, IoKind kind, std::span<std::byte> bytes, std::uint64_t offset) {
  const auto at = static_cast<off_t>(offset);
  for (;;) {
    const ssize_t moved = kind == IoKind::read ? ::pread(fd, bytes.data(), bytes.size(), at)
                                               : ::pwrite(fd, bytes.data(), bytes.size(), at);
    if (moved == static_cast<ssize_t>(bytes.size())) return {};
    if (moved < 0 && errno == EINTR) continue;
    return fail(errno_error(moved < 0 ? errno : EIO,
                            kind == IoKind::read ? "read directly" : "write directly", ""));
  }
}

}  // namespace brim::thrash::live
