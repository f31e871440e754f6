// SPDX-License-Identifier: Apache-2.0
#include "share/model/memory.h"

#include "share/model/test_mechanisms.h"

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;

class SimulatedMemoryTest : public testing::Test {
 protected:
  SimulatedMemoryTest() { memory_.add_guest(Pages(4)); }

  SimulatedMemory memory_;
};

TEST_F(SimulatedMemoryTest, Writes_set_both_bits_and_reads_the_accessed_bit) {
  memory_.touch(0);
  EXPECT_TRUE(memory_.accessed(0));
  EXPECT_FALSE(memory_.written(0));
  EXPECT_FALSE(memory_.present(0)) << "an untouched page reads as zeros, without a frame";
  memory_.write(1, content(1));
  EXPECT_TRUE(memory_.accessed(1));
  EXPECT_TRUE(memory_.written(1));
  memory_.clear_written(1);
  EXPECT_TRUE(memory_.accessed(1));
  EXPECT_FALSE(memory_.written(1));
  memory_.clear_accessed(1);
  EXPECT_FALSE(memory_.accessed(1));
}

TEST_F(SimulatedMemoryTest, A_page_given_back_is_as_if_never_used) {
  memory_.write(0, content(1));
  memory_.set_use(0, PageUse::code);
  memory_.release(0);
  EXPECT_FALSE(memory_.present(0));
  EXPECT_EQ(memory_.content(0), kZeroContent);
  EXPECT_FALSE(memory_.written(0) || memory_.accessed(0));
  EXPECT_EQ(memory_.use(0), PageUse::data);
  EXPECT_EQ(memory_.totals(), SimulatedMemory::Totals{});
}

// Page 0's frame is the reference of page 1's patch of 100 bytes; page 2 takes 200 compressed; page
// 3 stays. 4 pages, 2 frames, 300 bytes.
TEST_F(SimulatedMemoryTest, Stored_pages_take_bytes_and_no_frames) {
  for (Page page = 0; page < 4; ++page) memory_.write(page, content(1 + page));
  memory_.store_patch(1, memory_.share(0), Bytes(100));
  memory_.store_compressed(2, Bytes(200));
  EXPECT_EQ(memory_.totals().present_pages(), 4u);
  EXPECT_EQ(memory_.totals().saved_pages(), 2u);
  EXPECT_EQ(memory_.totals().used(), Bytes(2 * kPageSize + 300));
  EXPECT_EQ(memory_.content(1), content(2));
  expect_sound(memory_);
  memory_.release(0);
  EXPECT_EQ(memory_.totals().frames(), 2u) << "the patch needs its reference";
  expect_sound(memory_);
  memory_.touch(1);
  EXPECT_EQ(memory_.totals().shared_frames, 0u);
  EXPECT_EQ(memory_.totals().shared_frames_freed, 1u);
  memory_.release(2);
  EXPECT_EQ(memory_.totals().stored_bytes, 0u);
  EXPECT_EQ(memory_.totals().patched_restored, 1u);
  EXPECT_EQ(memory_.totals().compressed_restored, 0u) << "freed, not restored";
  expect_sound(memory_);
}

}  // namespace
}  // namespace brim::share::model
