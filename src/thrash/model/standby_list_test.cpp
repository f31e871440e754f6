// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/standby_list.h"

#include "thrash/model/test_memory.h"

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

TEST(StandbyListTest, Frames_are_used_again_in_the_order_in_which_they_became_free) {
  StandbyList list(4);
  for (const PageNumber page : {3U, 1U, 2U}) list.add(page);
  list.shrink_to(2);
  EXPECT_FALSE(list.has(3));
  EXPECT_TRUE(list.remove(2));
  EXPECT_FALSE(list.remove(2));
  EXPECT_EQ(list.size(), 1U);
  EXPECT_TRUE(list.has(1));
  list.shrink_to(0);
  EXPECT_FALSE(list.has(1));
}

MemoryShape keeping_freed(std::uint64_t frames) {
  MemoryShape shape = test::shape_of(frames);
  shape.freed = Freed::kept;
  return shape;
}

// Pages 0 to 3, written to and out again.
void write_four_and_take_them_out(test::Memory& memory) {
  for (std::uint32_t page = 0; page < 4; ++page) memory.make(page, Access::write);
  memory.manager.order_out(0, memory.now);
  memory.finish();
}

TEST(StandbyListTest, A_freed_page_comes_back_unread_once_and_the_read_is_saved) {
  test::Memory memory(keeping_freed(8));
  write_four_and_take_them_out(memory);
  EXPECT_EQ(memory.manager.free_frames(), 8U);
  EXPECT_EQ(memory.manager.standing_by(), 4U);
  const Touch back = memory.touch(2, Access::read);
  EXPECT_EQ(back.outcome, Outcome::made);
  EXPECT_EQ(back.fault, Fault::minor);
  EXPECT_EQ(back.system, MemoryCosts{}.minor_fault);
  EXPECT_EQ(memory.manager.next_completion(), kNever);
  EXPECT_EQ(memory.manager.counts().unread, 1U);
  EXPECT_EQ(memory.manager.standing_by(), 3U);
  EXPECT_EQ(memory.manager.free_frames(), 7U);
  EXPECT_EQ(memory.manager.swapped(0), 3U);
  EXPECT_EQ(memory.touch(2, Access::read).fault, Fault::none);
  EXPECT_EQ(memory.manager.counts().pages_in, 0U);
  EXPECT_EQ(memory.manager.inconsistency(), "");
}

TEST(StandbyListTest, Unless_freed_pages_are_kept_they_are_read) {
  test::Memory memory(test::shape_of(8));
  write_four_and_take_them_out(memory);
  EXPECT_EQ(memory.manager.standing_by(), 0U);
  EXPECT_EQ(memory.touch(2, Access::read).fault, Fault::major);
}

TEST(StandbyListTest, A_page_that_came_back_and_leaves_as_it_was_stands_by_without_a_write) {
  test::Memory memory(keeping_freed(8));
  write_four_and_take_them_out(memory);
  memory.make(2, Access::read);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
  EXPECT_EQ(memory.manager.next_completion(), kNever);
  EXPECT_EQ(memory.manager.standing_by(), 4U);
  EXPECT_EQ(memory.manager.counts().pages_out, 4U);
}

TEST(StandbyListTest, Frames_of_no_page_are_used_before_those_of_pages_that_stand_by) {
  test::Memory memory(keeping_freed(8));
  write_four_and_take_them_out(memory);
  for (std::uint32_t page = 10; page < 14; ++page) memory.make(page, Access::read);
  EXPECT_EQ(memory.manager.standing_by(), 4U);
  memory.make(14, Access::read);
  EXPECT_EQ(memory.manager.standing_by(), 3U);
  EXPECT_EQ(memory.touch(1, Access::read).fault, Fault::minor);
  EXPECT_EQ(memory.touch(0, Access::read).fault, Fault::major) << "the first that was freed";
}

// Pages only read leave for nothing, and their frames are free without a page.
TEST(StandbyListTest, Read_ahead_reads_nothing_that_stands_by) {
  for (const ReadAhead ahead : {ReadAhead::slots, ReadAhead::pages, ReadAhead::adjacent}) {
    MemoryShape shape = keeping_freed(16);
    shape.read_ahead = ahead;
    shape.read_ahead_pages = 4;
    test::Memory memory(shape);
    write_four_and_take_them_out(memory);
    for (std::uint32_t page = 10; page < 23; ++page) memory.make(page, Access::read);
    while (memory.manager.reclaim(memory.now).taken > 0) {
    }
    EXPECT_EQ(memory.manager.standing_by(), 3U);
    memory.make(0, Access::read);
    EXPECT_EQ(memory.manager.counts().pages_in, 1U);
    EXPECT_EQ(memory.touch(1, Access::read).fault, Fault::minor);
    EXPECT_EQ(memory.manager.counts().unread, 1U);
  }
}

TEST(StandbyListTest, What_stands_by_is_gone_with_its_process) {
  test::Memory memory(keeping_freed(8));
  write_four_and_take_them_out(memory);
  memory.manager.release(0);
  EXPECT_EQ(memory.manager.standing_by(), 0U);
  EXPECT_EQ(memory.manager.free_frames(), 8U);
  EXPECT_EQ(memory.manager.swap().used(), 0U);
  EXPECT_EQ(memory.manager.inconsistency(), "");
}

}  // namespace
}  // namespace brim::thrash::model
