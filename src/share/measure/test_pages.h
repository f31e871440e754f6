// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pages for tests.

#include "base/rng.h"
#include "base/units.h"

#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

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

// As text and program data: compresses to well below half.
inline TestPage text_page(Rng& rng) {
  constexpr std::string_view kText = "page frame guest host share merge scan zero ";
  TestPage page;
  for (std::size_t at = 0; at < kPageSize; ++at)
    page[at] = at < kPageSize / 4 ? static_cast<std::byte>(kText[rng.below(kText.size())])
                                  : page[at - kPageSize / 4];
  return page;
}

// Of two blocks at least one is as it was.
inline TestPage with_one_byte_changed(TestPage page, std::size_t at) {
  page[at] ^= std::byte{0xff};
  return page;
}

inline void append_page(std::string& file, const TestPage& page) {
  file.append(reinterpret_cast<const char*>(page.data()), page.size());
}

}  // namespace brim::share
