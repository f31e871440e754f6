// SPDX-License-Identifier: Apache-2.0
#pragma once
// Requests past the page cache (O_DIRECT), each from the call until it is back.

#include "base/result.h"
#include "base/units.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace brim::thrash::live {

// Memory that direct I/O takes: whole pages, aligned, zeros.
class IoBuffer {
 public:
  explicit IoBuffer(Bytes size);
  [[nodiscard]] std::span<std::byte> bytes() const { return {bytes_.get(), size_}; }
  [[nodiscard]] std::span<std::byte> page(std::size_t number) const {
    return bytes().subspan(number * kPageSize, kPageSize);
  }

 private:
  struct Free {
    void operator()(std::byte* bytes) const {
      ::operator delete(bytes, std::align_val_t{kPageSize});
    }
  };
  std::size_t size_;
  std::unique_ptr<std::byte, Free> bytes_;
};

enum class IoKind : std::uint8_t { read, write };

// All of `bytes` at `offset`. EIO for what is cut short.
[[nodiscard]] Result<void> transfer(int fd, IoKind kind, std::span<std::byte> bytes,
                                    std::uint64_t offset);

}  // namespace brim::thrash::live
