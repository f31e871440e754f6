// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_contents.h"

#include "host/scratch_directory.h"
#include "share/measure/test_subjects.h"

#include <filesystem>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

using testing::ElementsAre;

class ImageContentsTest : public ::testing::Test {
 protected:
  std::string write_pages(const std::string& name, const std::vector<std::uint64_t>& contents) {
    std::string bytes;
    std::array<std::byte, kPageSize> page{};
    for (const std::uint64_t content : contents) {
      fill_page(content, page);
      bytes.append(reinterpret_cast<const char*>(page.data()), page.size());
    }
    folder_.write(name, bytes);
    return folder_ / name;
  }
  host::ScratchDirectory folder_;
};

TEST_F(ImageContentsTest, Numbers_are_equal_where_the_bytes_are) {
  const std::vector<std::string> paths{write_pages("a", {1, 0, 2, 1}), write_pages("b", {2, 3})};
  const auto images = read_image_contents(paths);
  ASSERT_TRUE(images) << error_line(images.error());
  const auto& a = images->at(0).pages;
  const auto& b = images->at(1).pages;
  ASSERT_EQ(a.size(), 4U);
  ASSERT_EQ(b.size(), 2U);
  EXPECT_EQ(a[1], 0U);
  EXPECT_EQ(a[0], a[3]);
  EXPECT_EQ(a[2], b[0]);
  EXPECT_NE(a[0], a[2]);
  EXPECT_NE(b[0], b[1]);
  EXPECT_NE(a[0], 0U);
  EXPECT_EQ(images->at(0).name, "a");
  // The same in every run.
  EXPECT_EQ(read_image_contents(paths)->at(0).pages, a);
}

TEST_F(ImageContentsTest, Holes_are_zero_pages_and_many_pages_keep_their_order) {
  std::vector<std::uint64_t> contents(300);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = i % 150 + 1;
  const std::string path = write_pages("c", contents);
  std::filesystem::resize_file(path, 2000 * kPageSize);
  const auto images = read_image_contents(std::vector{path});
  ASSERT_TRUE(images);
  const auto& pages = images->at(0).pages;
  ASSERT_EQ(pages.size(), 2000U);
  for (std::size_t i = 0; i < 150; ++i) EXPECT_EQ(pages[i], pages[i + 150]);
  EXPECT_EQ(std::count(pages.begin(), pages.end(), 0U), 1700);
}

TEST_F(ImageContentsTest, What_is_no_image_is_bad_input) {
  const auto none = read_image_contents(std::vector{folder_ / "none"});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::bad_input);
}

}  // namespace
}  // namespace brim::share::test
