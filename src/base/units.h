// SPDX-License-Identifier: Apache-2.0
#pragma once
// Sizes and addresses as types, so that a page count is never taken for a byte count nor a guest
// frame for a host frame. Raw integers are for hot loops and parsers only.
//
// Quantity: an amount (adds, subtracts, scales). Position: a place counted from 0 (differences are
// plain numbers; two places can't be added). Both hold an unsigned 64-bit number; arithmetic that
// would wrap is a bug of the caller and is not checked here.

#include <compare>
#include <cstdint>

namespace brim {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::uint64_t count) : count_(count) {}

  [[nodiscard]] constexpr std::uint64_t count() const { return count_; }
  constexpr auto operator<=>(const Quantity&) const = default;

  constexpr Quantity& operator+=(Quantity other) {
    count_ += other.count_;
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    count_ -= other.count_;
    return *this;
  }
  constexpr Quantity& operator++() {
    ++count_;
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, std::uint64_t n) {
    return Quantity(a.count_ * n);
  }

 private:
  std::uint64_t count_ = 0;
};

template <class Tag>
class Position {
 public:
  constexpr Position() = default;
  constexpr explicit Position(std::uint64_t number) : number_(number) {}

  [[nodiscard]] constexpr std::uint64_t number() const { return number_; }
  constexpr auto operator<=>(const Position&) const = default;

  constexpr Position& operator+=(std::uint64_t n) {
    number_ += n;
    return *this;
  }
  friend constexpr Position operator+(Position a, std::uint64_t n) { return a += n; }
  friend constexpr std::uint64_t operator-(Position a, Position b) { return a.number_ - b.number_; }

 private:
  std::uint64_t number_ = 0;
};

using Bytes = Quantity<struct BytesTag>;
using Pages = Quantity<struct PagesTag>;  // of 4 KiB, unless a name says otherwise
using Cycles = Quantity<struct CyclesTag>;

using GuestFrame = Position<struct GuestFrameTag>;    // guest-physical address / 4 KiB
using HostFrame = Position<struct HostFrameTag>;      // host-physical address / 4 KiB (a PFN)
using VirtualPage = Position<struct VirtualPageTag>;  // virtual address / 4 KiB

inline constexpr std::uint64_t kPageShift = 12;
inline constexpr std::uint64_t kPageSize = 1ULL << kPageShift;  // 4 KiB, x86-64's base page
inline constexpr std::uint64_t kHugePageSize = 2ULL << 20;      // 2 MiB
inline constexpr std::uint64_t kPagesPerHuge = kHugePageSize / kPageSize;  // 512

constexpr Bytes bytes_of(Pages pages) { return Bytes(pages.count() << kPageShift); }
constexpr Pages whole_pages(Bytes bytes) { return Pages(bytes.count() >> kPageShift); }
constexpr Bytes kibibytes(std::uint64_t n) { return Bytes(n << 10); }
constexpr Bytes mebibytes(std::uint64_t n) { return Bytes(n << 20); }
constexpr Bytes gibibytes(std::uint64_t n) { return Bytes(n << 30); }

}  // namespace brim
