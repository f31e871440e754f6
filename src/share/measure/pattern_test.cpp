// SPDX-License-Identifier: Apache-2.0
#include "share/measure/pattern.h"

#include "share/measure/test_subjects.h"

#include <cstring>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

using PageBytes = std::array<std::byte, kPageSize>;

PageBytes of_word(std::uint64_t word, std::size_t size) {
  PageBytes page{};
  for (std::size_t at = 0; at < page.size(); at += size) std::memcpy(page.data() + at, &word, size);
  return page;
}

TEST(Pattern, Names_repeated_words_by_the_shortest_period) {
  EXPECT_EQ(pattern_name(of_word(0xff, 1)), "every byte 0xff");
  EXPECT_EQ(pattern_name(of_word(0x1212, 2)), "every byte 0x12");
  EXPECT_EQ(pattern_name(of_word(0x1234, 2)), "the 2-byte word 0x1234 repeated");
  EXPECT_EQ(pattern_name(of_word(0xdeadbeef, 4)), "the 4-byte word 0xdeadbeef repeated");
  EXPECT_EQ(pattern_name(of_word(0x0123456789abcdef, 8)),
            "the 8-byte word 0x0123456789abcdef repeated");
}

TEST(Pattern, Names_counting_bytes_from_any_start) {
  PageBytes page{};
  for (const unsigned start : {0U, 17U}) {
    for (std::size_t i = 0; i < page.size(); ++i)
      page[i] = static_cast<std::byte>((start + i) & 0xff);
    EXPECT_EQ(pattern_name(page), "bytes count up (i mod 256)");
  }
  page[4095] = std::byte{1};
  EXPECT_EQ(pattern_name(page), "");
}

TEST(Pattern, Names_nearly_zero_pages_and_text_up_to_their_limits) {
  PageBytes page{};
  page[100] = std::byte{7};
  EXPECT_EQ(pattern_name(page), "zeros but for 1 byte");
  for (std::size_t i = 0; i < 64; ++i) page[i] = std::byte{200};
  page[100] = std::byte{0};
  EXPECT_EQ(pattern_name(page), "zeros but for 64 bytes");
  page[100] = std::byte{7};
  EXPECT_EQ(pattern_name(page), "");
  page.fill(std::byte{'a'});
  page[5] = std::byte{'\n'};
  EXPECT_EQ(pattern_name(page), "text");
  page[6] = std::byte{1};
  EXPECT_EQ(pattern_name(page), "");
}

TEST(Pattern, Names_of_the_most_copied_survive_a_flood_of_others) {
  PatternNames names;
  const PageBytes page = of_word(0xab, 1);
  const PageHash heavy{1, 1};
  for (std::uint32_t copies = 2; copies <= 100000; ++copies) names.look(heavy, copies, page);
  for (std::uint64_t i = 0; i < 50000; ++i) names.look(PageHash{i + 2, 7}, 2, page);
  EXPECT_EQ(names.find(heavy), "every byte 0xab");
  EXPECT_EQ(names.find(PageHash{~0ULL, 7}), "");
}

}  // namespace
}  // namespace brim::share::test
