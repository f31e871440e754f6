// SPDX-License-Identifier: Apache-2.0
#include "share/model/satori.h"

#include "share/model/test_mechanisms.h"

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

class SatoriTest : public testing::Test {
 protected:
  SatoriTest() {
    for (int guest = 0; guest < 3; ++guest) satori_.add(memory_.add_guest(Pages(10)));
  }
  // Guests have 10 pages: page 12 is the second guest's third.
  void read(Page page, std::uint64_t block) {
    memory_.write(page, content(1000 + block));
    satori_.read_from_disk(page, Block{block});
  }

  SimulatedMemory memory_;
  Satori satori_{memory_, Costs{.lookup = std::chrono::microseconds(2)}};
};

TEST_F(SatoriTest, The_second_read_of_a_block_shares_at_once_and_nothing_is_scanned) {
  read(0, 5);
  EXPECT_EQ(memory_.frame(0), kOwnFrame);
  read(10, 5);
  EXPECT_EQ(memory_.frame(0), memory_.frame(10));
  memory_.write(1, content(77));
  memory_.write(11, content(77));  // equal, but from no disk
  satori_.run(3600s);
  EXPECT_EQ(memory_.totals().saved_pages(), 1u);
  EXPECT_EQ(satori_.work().visits, 0u);
  EXPECT_EQ(satori_.work().checksums, 0u);
  EXPECT_EQ(satori_.cpu_time(), 4us);
  expect_sound(memory_);
}

// The paper's rule (section 3): a frame with n pages earns each of them (n - 1) / n. Block 5 is in
// a page of each guest: 2/3 each. Block 6 is in two pages of the first guest and one of the second:
// 4/3 and 2/3. 2 + 4/3 + 2/3 = 4 frames are saved.
TEST_F(SatoriTest, What_sharing_frees_is_credited_to_the_guests_that_share) {
  read(0, 5);
  read(10, 5);
  read(20, 5);
  read(1, 6);
  read(2, 6);
  read(11, 6);
  EXPECT_DOUBLE_EQ(satori_.entitlement(0), 2.0 / 3 + 4.0 / 3);
  EXPECT_DOUBLE_EQ(satori_.entitlement(1), 4.0 / 3);
  EXPECT_DOUBLE_EQ(satori_.entitlement(2), 2.0 / 3);
  EXPECT_EQ(memory_.totals().saved_pages(), 4u);
  // The second guest writes to its page of block 6, and owes for it; the first has half a frame for
  // each of its two pages left.
  memory_.write(11, content(9));
  EXPECT_DOUBLE_EQ(satori_.entitlement(0), 2.0 / 3 + 1);
  EXPECT_DOUBLE_EQ(satori_.entitlement(1), 2.0 / 3);
}

TEST_F(SatoriTest, A_page_written_to_since_it_was_read_is_not_shared) {
  read(0, 5);
  memory_.write(0, content(1005));  // what was there
  read(10, 5);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  read(20, 5);
  EXPECT_EQ(memory_.frame(10), memory_.frame(20)) << "the later reader stands for the block";
}

TEST_F(SatoriTest, A_page_freed_or_filled_with_another_block_is_not_shared) {
  read(0, 5);
  memory_.release(0);
  memory_.write(0, content(1005));
  read(10, 5);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  read(10, 6);
  read(20, 5);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  read(11, 6);
  EXPECT_EQ(memory_.totals().saved_pages(), 1u);
  expect_sound(memory_);
}

// Blocks 5 and 6 hold the same, but nobody knows: block numbers are all there is to go by.
TEST_F(SatoriTest, Equal_blocks_of_different_numbers_are_not_known_to_be_equal) {
  const auto read_zeros = [this](Page page, std::uint64_t block) {
    memory_.write(page, kZeroContent);
    satori_.read_from_disk(page, Block{block});
  };
  read_zeros(0, 5);
  read_zeros(0, 6);
  read_zeros(10, 5);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  read_zeros(20, 6);
  EXPECT_EQ(memory_.frame(0), memory_.frame(20));
}

TEST_F(SatoriTest, A_block_written_to_on_the_disk_is_another_content) {
  read(0, 5);
  read(10, 5);
  memory_.write(20, content(3));
  satori_.read_from_disk(20, Block{5});
  EXPECT_EQ(memory_.frame(20), kOwnFrame);
  memory_.write(21, content(3));
  satori_.read_from_disk(21, Block{5});
  EXPECT_EQ(memory_.frame(20), memory_.frame(21));
  expect_sound(memory_);
}

}  // namespace
}  // namespace brim::share::model
