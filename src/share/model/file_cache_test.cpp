// SPDX-License-Identifier: Apache-2.0
#include "share/model/file_cache.h"

#include "share/model/test_mechanisms.h"

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;

// Blocks from 10,000 on are private data.
class FileCacheTest : public testing::Test {
 protected:
  FileCacheTest()
      : cache_(
            memory_, [](Block block) { return block < Block{10'000}; }, Costs{}) {}
  SimulatedMemory::Range add_guest() {
    const auto pages = memory_.add_guest(Pages(2000));
    cache_.add(pages);
    return pages;
  }
  void read(Page page, std::uint64_t block) {
    memory_.write(page, content(1 + block));
    cache_.read_from_disk(page, Block{block});
  }

  SimulatedMemory memory_;
  FileCache cache_;
};

// The paper's example: two guests map the 1,000 pages of libc6; 1,000 pages, 4 MB, are saved.
TEST_F(FileCacheTest, Two_guests_with_one_library_keep_it_once) {
  for (int guest = 0; guest < 2; ++guest) {
    const auto pages = add_guest();
    for (Page i = 0; i < 1000; ++i) read(pages.first + i, i);
    for (Page i = 1000; i < 1500; ++i) read(pages.first + i, 10'000 + i);  // each its data
  }
  EXPECT_EQ(memory_.totals().saved_pages(), 1000u);
  EXPECT_EQ(bytes_of(Pages(memory_.totals().saved_pages())), Bytes(4'096'000));
  EXPECT_EQ(memory_.totals().own_frames, 1000u) << "private data, though equal";
  expect_sound(memory_);
}

// The host's page is write-protected from the first reader on.
TEST_F(FileCacheTest, A_write_gives_a_private_copy_and_the_host_keeps_the_file) {
  add_guest();
  read(0, 5);
  read(1, 5);
  memory_.write(0, content(6));
  EXPECT_EQ(memory_.totals().copies_on_write, 1u);
  read(2, 5);
  EXPECT_EQ(memory_.frame(1), memory_.frame(2));
  memory_.release(1);
  memory_.release(2);
  EXPECT_EQ(memory_.totals().shared_frames, 0u);
  expect_sound(memory_);
}

TEST_F(FileCacheTest, A_file_that_was_replaced_is_not_taken_for_the_old_one) {
  add_guest();
  read(0, 5);
  memory_.write(1, content(77));
  cache_.read_from_disk(1, Block{5});
  EXPECT_NE(memory_.frame(0), memory_.frame(1));
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  memory_.write(2, content(77));
  cache_.read_from_disk(2, Block{5});
  EXPECT_EQ(memory_.frame(1), memory_.frame(2));
  expect_sound(memory_);
}

}  // namespace
}  // namespace brim::share::model
