// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pages for tests.

#include "base/rng.h"
#include "base/units.h"

#include <array>
#include <cstddef>
#include <cstring>

namespace brim::share {

using TestPage = std::array<std::byte, kPageSize>;

inline TestPage random_page(Rng& rng) {
  TestPage page;
  for (std::size_t at = 0; at < kPageSize; at += 8) {
    const std::uint64_t word = rng.next();
    std::memcpy(&page[at], &word, sizeof word);
  }
  return page;
}

}  // namespace brim::share
