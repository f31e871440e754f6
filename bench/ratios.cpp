// SPDX-License-Identifier: Apache-2.0
#include "ratios.h"

#include "base/rng.h"

#include <array>
#include <cstring>

namespace brim::bench {

std::uint64_t sum_words(const std::byte* bytes, std::size_t size) {
  const auto* words = reinterpret_cast<const std::uint64_t*>(bytes);
  std::array<std::uint64_t, 16> sums{};
  for (std::size_t i = 0; i < size / 8; i += sums.size())
    for (std::size_t lane = 0; lane < sums.size(); ++lane) sums[lane] += words[i + lane];
  std::uint64_t total = 0;
  for (const std::uint64_t sum : sums) total += sum;
  return total;
}

volatile std::uint64_t sink;
void use(std::uint64_t value) { sink = value; }

void fill_pages(std::span<std::byte> bytes, std::uint64_t seed, std::size_t copies) {
  Rng rng(seed);
  std::array<std::uint64_t, kPageSize / 8> page{};
  for (std::size_t at = 0; at + kPageSize <= bytes.size(); at += kPageSize) {
    if (at / kPageSize % copies == 0)
      for (std::uint64_t& word : page) word = rng.next();
    std::memcpy(bytes.data() + at, page.data(), kPageSize);
  }
}

}  // namespace brim::bench
