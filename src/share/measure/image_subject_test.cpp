// SPDX-License-Identifier: Apache-2.0
#include "share/measure/image_subject.h"

#include "image/test_files.h"
#include "share/measure/test_subjects.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

namespace brim::share::test {
namespace {

class ImageSubjectScan : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("brim-image-subject-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string write(const std::string& name, const std::vector<std::uint64_t>& contents,
                    std::size_t extra_bytes = 0) {
    const std::filesystem::path path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    std::array<std::byte, kPageSize> page{};
    for (const std::uint64_t content : contents) {
      fill_page(content, page);
      file.write(reinterpret_cast<const char*>(page.data()), page.size());
    }
    file << std::string(extra_bytes, 'x');
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(ImageSubjectScan, Scans_files_as_the_definitions_say) {
  const std::vector<std::string> paths{write("a", {1, 1, 2, 0}), write("b", {2, 3, 0, 0}, 10)};
  const auto subjects = open_image_subjects(paths);
  ASSERT_TRUE(subjects);
  for (const bool confirm : {false, true}) {
    ScanOptions options = plain_options();
    options.confirm = confirm;
    const ScanResult result = must_scan(*subjects, options);
    const Potential& potential = result.results[0].potential;
    EXPECT_EQ(potential.zero_pages.value, 3);
    EXPECT_EQ(potential.used_pages.value, 6);
    EXPECT_EQ(potential.minimum_pages.value, 4);
    EXPECT_EQ(potential.intra_saving_pages.value, 1);
    EXPECT_EQ(potential.inter_saving_pages.value, 1);
    EXPECT_EQ(result.results[0].subjects[1].padded_pages, 1);
    EXPECT_EQ(result.confirmed_pages, confirm ? 2 : 0);
  }
}

TEST_F(ImageSubjectScan, Counts_holes_of_a_sparse_file_as_zero) {
  const std::string path = write("sparse", {1, 2});
  std::filesystem::resize_file(path, 64 << 20);
  const auto subjects = open_image_subjects(std::array{path});
  ASSERT_TRUE(subjects);
  ScanOptions options = plain_options();
  options.page_2m = true;
  const ScanResult result = must_scan(*subjects, options);
  EXPECT_EQ(result.results[0].potential.zero_pages.value, (64 << 20) / kPageSize - 2);
  EXPECT_EQ(result.results[0].potential.used_pages.value, 2);
  EXPECT_EQ(result.results[1].potential.zero_pages.value, 31);
  EXPECT_EQ(result.results[1].potential.used_pages.value, 1);
}

// Pages of the file in the page cache.
std::ptrdiff_t cached_pages(const std::string& path) {
  const std::size_t size = std::filesystem::file_size(path);
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  void* mapping = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, 0);
  std::vector<unsigned char> here(size / kPageSize);
  EXPECT_EQ(::mincore(mapping, size, here.data()), 0);
  ::munmap(mapping, size);
  ::close(fd);
  return std::count_if(here.begin(), here.end(), [](unsigned char byte) { return byte & 1; });
}

TEST_F(ImageSubjectScan, Sampling_does_not_bring_holes_into_the_page_cache) {
  const std::string path = write("sparse", {1, 2});
  std::filesystem::resize_file(path, 64 << 20);
  const std::ptrdiff_t before = cached_pages(path);
  const auto subjects = open_image_subjects(std::array{path});
  ASSERT_TRUE(subjects);
  ScanOptions options = plain_options();
  options.sample = 0.1;
  EXPECT_EQ(must_scan(*subjects, options).results[0].potential.used_pages.value, 2);
  EXPECT_LE(cached_pages(path), before + 64);  // what is read ahead around the data
}

image::test::ElfSegmentSpec segment_of(std::uint64_t first_page,
                                       const std::vector<std::uint64_t>& contents) {
  image::test::ElfSegmentSpec segment;
  segment.address = first_page * kPageSize;
  segment.content.resize(contents.size() * kPageSize);
  for (std::size_t i = 0; i < contents.size(); ++i)
    fill_page(contents[i],
              std::span<std::byte, kPageSize>(segment.content.data() + i * kPageSize, kPageSize));
  return segment;
}

TEST_F(ImageSubjectScan, Counts_the_pages_of_an_ELF_core_and_not_those_between_its_segments) {
  std::vector<image::test::ElfSegmentSpec> segments{segment_of(1, {1, 2, 0, 2}),
                                                    segment_of(1 << 20, {3, 1, 5})};
  segments[1].memory_size = segments[1].content.size() + kPageSize;  // a filtered page at its end
  for (const std::size_t gap : {0U, 4096U, 24U}) {  // 24: pages at odd places of the file
    const image::test::TemporaryFile file(image::test::elf64_core(segments, gap));
    const std::vector<std::string> paths{file.path(), write("raw", {5, 6, 0})};
    const auto subjects = open_image_subjects(paths);
    ASSERT_TRUE(subjects) << error_line(subjects.error());
    EXPECT_EQ((*subjects)[0]->identified_by(), "elf image");
    for (const bool confirm : {false, true}) {
      ScanOptions options = plain_options();
      options.confirm = confirm;
      const ScanResult result = must_scan(*subjects, options);
      const Potential& potential = result.results[0].potential;
      EXPECT_EQ(result.results[0].subjects[0].pages, 7);
      EXPECT_EQ(result.results[0].subjects[0].unread.denied, 1);
      EXPECT_EQ(potential.zero_pages.value, 2);
      EXPECT_EQ(potential.used_pages.value, 8);
      EXPECT_EQ(potential.minimum_pages.value, 5);  // 1 2 3 5 6
      EXPECT_EQ(potential.intra_saving_pages.value, 2);
      EXPECT_EQ(potential.inter_saving_pages.value, 1);
      EXPECT_EQ(result.confirmed_pages, confirm ? 3 : 0);
      EXPECT_EQ(result.collisions, 0);
    }
  }
}

TEST_F(ImageSubjectScan, The_same_file_twice_is_bad_input_whatever_it_is_called) {
  const std::string path = write("a", {1});
  const std::string link = folder_ / "link";
  std::filesystem::create_symlink(path, link);
  for (const std::string& again : {path, link}) {
    const auto subjects = open_image_subjects(std::array{path, again});
    ASSERT_FALSE(subjects);
    EXPECT_EQ(subjects.error().code, ErrorCode::bad_input);
  }
}

TEST_F(ImageSubjectScan, Names_are_as_short_as_tells_them_apart) {
  const auto subjects = open_image_subjects(
      std::array{write("x/ram", {1}), write("y/ram", {1}), write("other", {1})});
  ASSERT_TRUE(subjects);
  EXPECT_EQ((*subjects)[0]->name(), "x/ram");
  EXPECT_EQ((*subjects)[1]->name(), "y/ram");
  EXPECT_EQ((*subjects)[2]->name(), "other");
}

}  // namespace
}  // namespace brim::share::test
