// SPDX-License-Identifier: Apache-2.0
#include "base/huge_pages.h"

#include <cstddef>
#include <cstdint>
#include <vector>

#include <gtest/gtest.h>

namespace brim {
namespace {

constexpr std::size_t kOfAHugePage = kHugePageSize / sizeof(std::uint32_t);

// On both sides of the size from which arrays are of such pages, as it grows and when it is gone.
TEST(HugePages, An_array_keeps_its_content_as_it_grows_into_them) {
  std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> numbers;
  for (std::uint32_t i = 0; i < 2 * kOfAHugePage; ++i) numbers.push_back(i);
  for (std::uint32_t i = 0; i < 2 * kOfAHugePage; ++i) ASSERT_EQ(numbers[i], i);
}

TEST(HugePages, Arrays_of_their_size_begin_at_one) {
  for (const std::size_t count : {kOfAHugePage, kOfAHugePage + 1}) {
    const std::vector<std::uint32_t, HugePageAllocator<std::uint32_t>> numbers(count);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(numbers.data()) % kHugePageSize, 0U);
  }
}

}  // namespace
}  // namespace brim
