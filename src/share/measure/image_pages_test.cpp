// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_pages.h"

#include "base/threads.h"
#include "host/scratch_directory.h"
#include "share/measure/image_contents.h"
#include "share/measure/page_codec.h"
#include "share/measure/test_pages.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share {
namespace {

using testing::HasSubstr;

class ImagePagesTest : public testing::Test {
 protected:
  std::string write_image(const std::string& name, const std::vector<TestPage>& pages) {
    std::string bytes;
    for (const TestPage& page : pages) append_page(bytes, page);
    folder_.write(name, bytes);
    return folder_ / name;
  }
  static ImageReading read(const std::vector<std::string>& paths) {
    auto reading = read_image_pages(paths, Rng(1));
    EXPECT_TRUE(reading) << error_line(reading.error());
    return std::move(*reading);
  }
  static bool alike(const ImagePages& pages, std::uint64_t a, std::uint64_t b) {
    const BlockHashes of_a = pages.blocks(a);
    const BlockHashes of_b = pages.blocks(b);
    return (of_a[0] != 0 && of_a[0] == of_b[0]) || (of_a[1] != 0 && of_a[1] == of_b[1]);
  }

  host::ScratchDirectory folder_;
  Rng rng_{7};
  PageCodec codec_;
};

TEST_F(ImagePagesTest, Pages_that_differ_in_a_byte_resemble_each_other_and_take_a_small_patch) {
  const TestPage page = random_page(rng_);
  for (const std::size_t at : {0U, 1000U, 4095U}) {
    SCOPED_TRACE(at);
    const ImageReading reading =
        read({write_image("a", {page}), write_image("b", {with_one_byte_changed(page, at)})});
    const std::uint64_t a = reading.contents[0].pages[0];
    const std::uint64_t b = reading.contents[1].pages[0];
    ASSERT_NE(a, b);
    EXPECT_TRUE(alike(*reading.pages, a, b));
    EXPECT_LT(reading.pages->patch_size(b, a), 64U);
    EXPECT_EQ(reading.pages->compressed_size(b), kPageSize) << "random bytes";
    EXPECT_TRUE(reading.pages->check());
  }
}

TEST_F(ImagePagesTest, Random_pages_have_nothing_in_common) {
  const ImageReading reading = read({write_image("a", {random_page(rng_), random_page(rng_)})});
  const auto& numbers = reading.contents[0].pages;
  EXPECT_FALSE(alike(*reading.pages, numbers[0], numbers[1]));
  EXPECT_EQ(reading.pages->patch_size(numbers[0], numbers[1]), kPageSize);
  EXPECT_EQ(reading.pages->compressed_size(numbers[0]), kPageSize);
}

TEST_F(ImagePagesTest, Sizes_are_those_of_the_codec_for_these_bytes_whenever_asked) {
  const TestPage text = text_page(rng_);
  const TestPage other = text_page(rng_);
  const ImageReading reading = read({write_image("a", {text, other})});
  const auto& numbers = reading.contents[0].pages;
  for (int time = 0; time < 2; ++time) {
    EXPECT_EQ(reading.pages->compressed_size(numbers[0]), codec_.lz4_size(text));
    EXPECT_EQ(reading.pages->patch_size(numbers[0], numbers[1]), codec_.patch_size(text, other));
    EXPECT_EQ(reading.pages->patch_size(numbers[1], numbers[0]), codec_.patch_size(other, text));
  }
  EXPECT_LT(reading.pages->compressed_size(numbers[0]), kHalfPage);
}

TEST_F(ImagePagesTest, Pages_of_zeros_and_of_no_image_resemble_nothing) {
  const ImageReading reading = read({write_image("a", {TestPage{}, text_page(rng_)})});
  const std::uint64_t text = reading.contents[0].pages[1];
  for (const std::uint64_t number : {std::uint64_t{0}, text + 1}) {
    EXPECT_EQ(reading.pages->blocks(number), BlockHashes{});
    EXPECT_EQ(reading.pages->compressed_size(number), kPageSize);
    EXPECT_EQ(reading.pages->patch_size(number, text), kPageSize);
    EXPECT_EQ(reading.pages->patch_size(text, number), kPageSize);
  }
  EXPECT_TRUE(reading.pages->check());
}

// Behind a hole, beyond the first batch, in the second file, and more than one of some: what is
// read again is told by the bytes to be what was read before.
TEST_F(ImagePagesTest, Every_page_is_found_again_where_it_lies) {
  std::vector<TestPage> first(700);
  for (TestPage& page : first) page = text_page(rng_);
  first[3] = TestPage{};
  first[600] = first[20];
  std::vector<TestPage> second(first.begin() + 100, first.begin() + 250);
  for (int i = 0; i < 50; ++i) second.push_back(text_page(rng_));
  const std::string sparse = write_image("a", first);
  std::filesystem::resize_file(sparse, 3000 * kPageSize);
  const ImageReading reading = read({sparse, write_image("b", second)});
  for (std::size_t i = 0; i < first.size(); ++i) {
    const std::uint32_t size = i == 3 ? kPageSize : codec_.lz4_size(first[i]);
    ASSERT_EQ(reading.pages->compressed_size(reading.contents[0].pages[i]), size) << i;
  }
  for (std::size_t i = 0; i < second.size(); ++i)
    ASSERT_EQ(reading.pages->compressed_size(reading.contents[1].pages[i]),
              codec_.lz4_size(second[i]));
  EXPECT_TRUE(reading.pages->check());
}

TEST_F(ImagePagesTest, Threads_that_ask_at_once_get_what_one_gets) {
  std::vector<TestPage> pages(60);
  for (TestPage& page : pages) page = text_page(rng_);
  const std::string path = write_image("a", pages);
  const auto ask_all = [](const ImageReading& reading) {
    const auto& numbers = reading.contents[0].pages;
    std::vector<std::uint32_t> sizes;
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      sizes.push_back(reading.pages->compressed_size(numbers[i]));
      sizes.push_back(reading.pages->patch_size(numbers[i], numbers[(i + 1) % numbers.size()]));
    }
    return sizes;
  };
  const std::vector<std::uint32_t> alone = ask_all(read({path}));
  const ImageReading shared = read({path});
  std::array<std::vector<std::uint32_t>, 4> together;
  run_on_threads(4, [&](unsigned thread) { together.at(thread) = ask_all(shared); });
  for (const auto& sizes : together) EXPECT_EQ(sizes, alone);
}

TEST_F(ImagePagesTest, A_page_that_changed_since_saves_nothing_and_is_an_error) {
  const TestPage text = text_page(rng_);
  std::vector<TestPage> pages{text, text_page(rng_)};
  const std::string path = write_image("a.raw", pages);
  const ImageReading reading = read({path});
  const auto& numbers = reading.contents[0].pages;
  EXPECT_EQ(reading.pages->compressed_size(numbers[0]), codec_.lz4_size(text));
  pages[1] = with_one_byte_changed(pages[1], 9);
  write_image("a.raw", pages);
  EXPECT_TRUE(reading.pages->check()) << "nothing was asked of it yet";
  EXPECT_EQ(reading.pages->patch_size(numbers[0], numbers[1]), kPageSize);
  const auto checked = reading.pages->check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::gone);
  EXPECT_THAT(error_line(checked.error()), HasSubstr("a.raw"));
  EXPECT_THAT(error_line(checked.error()), HasSubstr("page 1 changed"));
  EXPECT_EQ(reading.pages->compressed_size(numbers[1]), kPageSize);
}

TEST_F(ImagePagesTest, A_file_that_is_cut_short_is_an_error) {
  const std::string path = write_image("a.raw", {text_page(rng_), text_page(rng_)});
  const ImageReading reading = read({path});
  std::filesystem::resize_file(path, kPageSize);
  EXPECT_EQ(reading.pages->compressed_size(reading.contents[0].pages[1]), kPageSize);
  const auto checked = reading.pages->check();
  ASSERT_FALSE(checked);
  EXPECT_EQ(checked.error().code, ErrorCode::gone);
  EXPECT_THAT(error_line(checked.error()), HasSubstr("a.raw"));
}

}  // namespace
}  // namespace brim::share
