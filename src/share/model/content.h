// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a simulated page holds, by identity: two pages are equal exactly when their contents are.
// The zero page is content 0.

#include <cstdint>

namespace brim::share::model {

enum class Content : std::uint64_t {};
inline constexpr Content kZeroContent{0};

// A bijection of 64 bits that spreads neighbours (splitmix64's finalizer, Steele et al. 2014).
[[nodiscard]] constexpr std::uint64_t spread(std::uint64_t x) {
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}

// The order memcmp gives the pages: as that of unrelated bytes, with the zero page first.
[[nodiscard]] constexpr std::uint64_t byte_order(Content content) {
  return spread(static_cast<std::uint64_t>(content));
}

// A 32-bit checksum, as KSM has: unequal contents may share it, one pair in 2^32.
[[nodiscard]] constexpr std::uint32_t checksum(Content content) {
  return static_cast<std::uint32_t>(spread(static_cast<std::uint64_t>(content) ^ ~0ULL));
}

}  // namespace brim::share::model
