// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

namespace brim::share {

// Anonymous memory that asks for huge pages when it has room for one; zeros at first.
class PageArena {
 public:
  PageArena() = default;
  // Nothing where the system has no memory to give.
  static std::optional<PageArena> make(std::uint64_t bytes);
  PageArena(PageArena&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)),
        bytes_(std::exchange(other.bytes_, 0)),
        mapping_(std::exchange(other.mapping_, {})) {}
  PageArena& operator=(PageArena&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(bytes_, other.bytes_);
    std::swap(mapping_, other.mapping_);
    return *this;
  }
  PageArena(const PageArena&) = delete;
  PageArena& operator=(const PageArena&) = delete;
  ~PageArena();
  [[nodiscard]] std::byte* data() const { return data_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::byte* data_ = nullptr;
  std::uint64_t bytes_ = 0;
  std::span<std::byte> mapping_;  // they lie in
};

}  // namespace brim::share
