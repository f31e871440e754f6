// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/memory_manager.h"

#include "thrash/model/fifo.h"
#include "thrash/model/test_memory.h"

#include <deque>
#include <set>
#include <utility>
#include <vector>

#include <gmock/gmock.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals
using test::Memory;
using test::shape_of;
using test::Told;
using testing::Each;
using testing::ElementsAre;
using testing::Ge;
using testing::Gt;
using testing::SizeIs;

TEST(MemoryManagerTest, A_first_touch_is_filled_with_zeros_and_a_second_is_a_hit) {
  Memory memory(shape_of(8));
  const Touch first = memory.touch(0, Access::write);
  EXPECT_EQ(first.outcome, Outcome::made);
  EXPECT_EQ(first.fault, Fault::minor);
  EXPECT_EQ(first.system, MemoryCosts{}.minor_fault);
  EXPECT_FALSE(memory.manager.settled(0).is_settled(0)) << "fifo sets no bit as it loads";
  EXPECT_EQ(memory.touch(0, Access::write).fault, Fault::none);
  EXPECT_TRUE(memory.manager.settled(0).is_settled(0));
  EXPECT_EQ(memory.manager.next_completion(), kNever);
}

TEST(MemoryManagerTest, Pages_only_read_leave_for_nothing_and_come_back_as_zeros) {
  Memory memory(shape_of(4));
  for (std::uint32_t page = 0; page < 16; ++page) memory.make(page, Access::read);
  memory.make(0, Access::read);
  EXPECT_EQ(memory.manager.counts().pages_out, 0U);
  EXPECT_EQ(memory.manager.counts().major_faults, 0U);
  EXPECT_EQ(memory.manager.counts().minor_faults, 17U);
}

TEST(MemoryManagerTest, A_clean_page_with_a_slot_leaves_without_being_written_again) {
  Memory memory(shape_of(4));
  for (std::uint32_t page = 0; page < 8; ++page) memory.make(page, Access::write);
  const std::uint64_t out = memory.manager.counts().pages_out;
  EXPECT_EQ(out, 4U);
  memory.make(0, Access::read);
  EXPECT_EQ(memory.manager.counts().major_faults, 1U);
  EXPECT_EQ(memory.manager.swap().used(), 5U) << "the slot is kept";
  for (std::uint32_t page = 1; page < 5; ++page) memory.make(page, Access::read);
  EXPECT_EQ(memory.manager.counts().pages_out, 8U) << "4 to 7, and not 0";
  memory.make(4, Access::write);
  EXPECT_EQ(memory.manager.swap().used(), 7U) << "4's slot is given back as it is written to";
}

TEST(MemoryManagerTest, A_page_on_its_way_out_is_taken_back_without_waiting) {
  MemoryShape shape = shape_of(4);
  shape.watermarks = {.min = Pages(1), .low = Pages(1), .high = Pages(1)};
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 3; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.touch(3, Access::write).outcome, Outcome::waits_for_frame);
  const Touch back = memory.touch(0, Access::read);
  EXPECT_EQ(back.outcome, Outcome::made);
  EXPECT_EQ(back.fault, Fault::minor);
  EXPECT_EQ(memory.manager.counts().rescued, 1U);
  memory.finish();
  EXPECT_EQ(memory.manager.counts().pages_out, 1U);
  EXPECT_EQ(memory.manager.free_frames(), 1U) << "it stays";
}

// Slots 0 to 7 are of pages 0 to 7, as they left in this order.
TEST(MemoryManagerTest, Read_ahead_brings_neighbours_that_are_a_minor_fault_each) {
  for (const ReadAhead ahead : {ReadAhead::slots, ReadAhead::pages, ReadAhead::adjacent}) {
    MemoryShape shape = shape_of(32);
    shape.read_ahead = ahead;
    shape.read_ahead_pages = 4;
    Memory memory(shape);
    for (std::uint32_t page = 0; page < 16; ++page) memory.make(page, Access::write);
    memory.manager.order_out(0, memory.now);
    memory.finish();
    EXPECT_EQ(memory.manager.swapped(0), 16U);
    memory.make(5, Access::read);
    EXPECT_EQ(memory.manager.counts().pages_in, 4U);
    EXPECT_EQ(memory.told.arrived, 1);
    for (std::uint32_t page = 4; page < 8; ++page) memory.make(page, Access::read);
    EXPECT_EQ(memory.manager.counts().major_faults, 1U);
    memory.make(8, Access::read);
    EXPECT_EQ(memory.manager.counts().major_faults, 2U);
  }
}

// All 64 pages in their slots, of the same numbers.
struct AllOut : Memory {
  explicit AllOut(const MemoryShape& shape) : Memory(shape) {
    for (std::uint32_t page = 0; page < 64; ++page) make(page, Access::write);
    manager.order_out(0, now);
    finish();
  }
  // Pages that came for an access.
  std::uint64_t come_for(std::uint32_t page) {
    const std::uint64_t before = manager.counts().pages_in;
    make(page, Access::read);
    return manager.counts().pages_in - before;
  }
};

TEST(MemoryManagerTest, Read_ahead_by_hits_goes_on_as_far_as_it_is_used) {
  MemoryShape shape = shape_of(64);
  shape.read_ahead = ReadAhead::slots_by_hits;
  AllOut memory(shape);
  EXPECT_EQ(memory.come_for(0), 8U);
  EXPECT_EQ(memory.come_for(20), 4U);
  EXPECT_EQ(memory.come_for(40), 2U);
  EXPECT_EQ(memory.come_for(50), 1U);
  for (const std::uint32_t came_along : {1U, 1U, 2U}) EXPECT_EQ(memory.come_for(came_along), 0U);
  EXPECT_EQ(memory.come_for(60), 4U) << "two were used";
}

TEST(MemoryManagerTest, Read_ahead_by_hits_in_the_process_goes_both_ways_or_on_as_it_goes) {
  MemoryShape shape = shape_of(64);
  shape.read_ahead = ReadAhead::pages_by_hits;
  AllOut memory(shape);
  EXPECT_EQ(memory.come_for(30), 8U);
  EXPECT_EQ(memory.come_for(27), 0U) << "from three before it";
  EXPECT_EQ(memory.come_for(34), 0U) << "to four after";
  EXPECT_EQ(memory.come_for(50), 4U) << "49 to 52";
  EXPECT_EQ(memory.come_for(53), 2U) << "52 is there: none before it, where it is not the next";
  EXPECT_EQ(memory.come_for(55), 1U);
}

TEST(MemoryManagerTest, Read_ahead_by_hits_leaves_compressed_memory_alone) {
  MemoryShape shape = shape_of(64);
  shape.swap = {Pages(1024),
                CompressedShape{.takes_memory = false, .most_pool = {}, .backing = {}}};
  shape.read_ahead = ReadAhead::slots_by_hits;
  AllOut memory(shape);
  EXPECT_EQ(memory.come_for(0), 1U);
}

// 1 came with 0, and nobody has used it.
TEST(MemoryManagerTest, What_came_along_and_is_not_used_leaves_before_what_is) {
  MemoryShape shape = shape_of(64, "linux-two-list");
  shape.read_ahead = ReadAhead::slots;
  shape.read_ahead_pages = 4;
  AllOut memory(shape);
  EXPECT_EQ(memory.come_for(0), 4U);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
  EXPECT_EQ(memory.touch(0, Access::read).fault, Fault::none);
  EXPECT_EQ(memory.come_for(1), 1U);
}

// Pages 0 to 3 leave in order, 4 to 7 in the reverse one.
TEST(MemoryManagerTest, Adjacent_read_ahead_takes_only_what_lies_together_on_the_device_too) {
  MemoryShape shape = shape_of(8);
  shape.read_ahead = ReadAhead::adjacent;
  Memory memory(shape);
  for (const std::uint32_t page : {0U, 1U, 2U, 3U, 7U, 6U, 5U, 4U})
    memory.make(page, Access::write);
  while (memory.manager.reclaim(memory.now).taken > 0) {
  }
  memory.finish();
  EXPECT_EQ(memory.manager.swapped(0), 8U);
  memory.make(2, Access::read);
  EXPECT_EQ(memory.manager.counts().pages_in, 4U) << "0 to 3, in one request";
  memory.make(5, Access::read);
  EXPECT_EQ(memory.manager.counts().pages_in, 5U) << "5 alone";
}

TEST(MemoryManagerTest, Local_spaces_without_a_quota_share_alike_while_they_run) {
  MemoryShape shape = shape_of(60);
  shape.local = true;
  Told told;
  const std::vector<SpacePlan> plans{{.pages = 100}, {.pages = 100}, {.pages = 100}};
  MemoryManager manager(shape, plans, told, Rng(1));
  ModelTime now{0};
  const auto fill = [&](SpaceNumber space) {
    for (std::uint32_t page = 0; page < 100; ++page) {
      for (int tries = 0; tries < 100; ++tries) {
        const Outcome outcome = manager.touch(space, {page, Access::write}, now).outcome;
        while (manager.next_completion() != kNever) {
          now = manager.next_completion();
          manager.complete(now);
        }
        if (outcome == Outcome::made) break;
      }
    }
    ASSERT_EQ(manager.inconsistency(), "");
  };
  manager.begin(0);
  fill(0);
  EXPECT_GE(manager.held(0), 58U);
  manager.begin(1);
  manager.begin(2);
  fill(1);
  EXPECT_NEAR(static_cast<double>(manager.held(1)), 20, 2);
  EXPECT_LT(manager.held(0), 45U) << "it gave what the other took";
  manager.release(1);
  manager.release(2);
  fill(0);
  EXPECT_GE(manager.held(0), 58U);
}

TEST(MemoryManagerTest, An_access_to_a_page_on_its_way_in_waits_for_it) {
  MemoryShape shape = shape_of(32);
  shape.read_ahead = ReadAhead::pages;
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 8; ++page) memory.make(page, Access::write);
  memory.manager.order_out(0, memory.now);
  memory.finish();
  memory.manager.order_in(0, memory.now);
  const Touch touch = memory.touch(3, Access::write);
  EXPECT_EQ(touch.outcome, Outcome::waits_for_page);
  EXPECT_EQ(touch.fault, Fault::minor);
  memory.finish();
  EXPECT_EQ(memory.told.arrived, 1);
  EXPECT_EQ(memory.manager.swap().used(), 7U) << "it was written to as it came";
}

// Of eight, with others in all frames.
std::uint64_t ordered_in(Watermarks marks) {
  MemoryShape shape = shape_of(8);
  shape.watermarks = marks;
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 8; ++page) memory.make(page, Access::write);
  memory.manager.order_out(0, memory.now);
  memory.finish();
  for (std::uint32_t page = 8; memory.manager.free_frames() > marks.min.count(); ++page)
    memory.make(page, Access::write);
  memory.manager.order_in(0, memory.now);
  memory.finish();
  return memory.manager.counts().ordered_in;
}

TEST(MemoryManagerTest, Pages_ordered_in_take_frames_where_nobody_frees_them_ahead) {
  EXPECT_EQ(ordered_in({}), 8U);
  EXPECT_EQ(ordered_in({.min = Pages(1), .low = Pages(1), .high = Pages(1)}), 0U);
}

TEST(MemoryManagerTest, Nothing_that_can_leave_is_out_of_memory) {
  MemoryShape shape = shape_of(4);
  shape.swap.slots = Pages(2);
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 6; ++page) memory.make(page, Access::write);
  EXPECT_TRUE(memory.manager.swap().full());
  EXPECT_EQ(memory.touch(6, Access::write).outcome, Outcome::out_of_memory);
  memory.manager.release(0);
  EXPECT_EQ(memory.manager.free_frames(), 4U);
  EXPECT_EQ(memory.manager.swap().used(), 0U);
}

TEST(MemoryManagerTest, A_clock_that_clears_bits_unsettles_pages) {
  Memory memory(shape_of(4, "clock"));
  for (std::uint32_t page = 0; page < 4; ++page) {
    memory.make(page, Access::write);
    memory.make(page, Access::write);
  }
  EXPECT_EQ(memory.manager.settled(0).settled(), 4U);
  (void)memory.manager.reclaim(memory.now);
  EXPECT_EQ(memory.manager.settled(0).settled(), 0U);
  EXPECT_EQ(memory.told.unsettled_count, 4);
  EXPECT_EQ(memory.manager.inconsistency(), "");
}

TEST(MemoryManagerTest, Looks_that_clear_nothing_take_processor_time_too) {
  MemoryShape shape = shape_of(4, "lau");
  shape.costs.swap_page = ModelTime(0);
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 4; ++page) memory.make(page, Access::write);
  const std::uint64_t before = memory.manager.counts().scanned;
  const MemoryManager::Reclaimed reclaimed = memory.manager.reclaim(memory.now);
  EXPECT_EQ(reclaimed.taken, 1U);
  const std::uint64_t looks = memory.manager.counts().scanned - before;
  EXPECT_GE(looks, 8U * 4) << "eight rounds until a count is 0";
  const ModelTime expected = shape.costs.scan * looks;
  EXPECT_EQ(reclaimed.system, expected);
}

TEST(MemoryManagerTest, A_request_takes_processor_time_beside_that_of_its_pages) {
  for (const ModelTime request : {0us, 40us}) {
    MemoryShape shape = shape_of(8);
    shape.batch = 8;
    shape.longest_request = 4;
    shape.costs.request = request;
    Memory memory(shape);
    for (std::uint32_t page = 0; page < 8; ++page) memory.make(page, Access::write);
    const MemoryManager::Reclaimed out = memory.manager.reclaim(memory.now);
    EXPECT_EQ(out.taken, 8U);
    EXPECT_EQ(out.system, 8 * (shape.costs.scan + shape.costs.swap_page) + 2 * request);
    memory.finish();
    const Touch in = memory.touch(0, Access::read);
    EXPECT_EQ(in.system, shape.costs.major_fault + shape.costs.swap_page + request);
  }
}

TEST(MemoryManagerTest, What_the_processor_serves_itself_is_no_request) {
  MemoryShape shape = shape_of(8);
  CompressedShape zram;
  zram.compress = 3us;
  zram.takes_memory = false;
  shape.swap.kind = zram;
  shape.costs.request = 40us;
  Memory memory(shape);
  memory.make(0, Access::write);
  EXPECT_EQ(memory.manager.reclaim(memory.now).system,
            shape.costs.scan + shape.costs.swap_page + 3us);
}

// Eight a second are two each quarter.
TEST(MemoryManagerTest, Reclaim_writes_so_many_requests_each_quarter_of_a_second) {
  MemoryShape shape = shape_of(4);
  shape.writes_per_s = 8;
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 6; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.counts().pages_out, 2U);
  EXPECT_TRUE(memory.manager.writes_enough());
  EXPECT_EQ(memory.touch(6, Access::write).outcome, Outcome::waits_for_frame)
      << "with nothing on its way, and not out of memory";
  memory.now = 249ms;
  memory.manager.tick(memory.now);
  EXPECT_TRUE(memory.manager.writes_enough());
  memory.now = 250ms;
  memory.manager.tick(memory.now);
  EXPECT_FALSE(memory.manager.writes_enough());
  memory.make(6, Access::write);
  memory.make(7, Access::write);
  EXPECT_EQ(memory.manager.counts().pages_out, 4U);
  EXPECT_TRUE(memory.manager.writes_enough());
}

// A page leaves so many nanoseconds after it was loaded.
class Hurried {
 public:
  static constexpr bool kLeavesEarly = true;
  static void miss(PageNumber /*page*/) {}
  explicit Hurried(const PageTable& table) : table_(&table) {}

  static void hit(PageNumber /*page*/, Access /*access*/) {}
  void load(PageNumber page, Access /*access*/) { pages_.emplace_back(page, table_->now()); }
  PageNumber victim() { return take(); }
  PageNumber leaving() {
    return !pages_.empty() && table_->now() >= pages_.front().second + 1000 ? take() : kNoPage;
  }
  void remove(PageNumber page) {
    std::erase_if(pages_, [page](const auto& one) { return one.first == page; });
  }
  static void prefetch(PageNumber /*page*/) {}

 private:
  PageNumber take() {
    const PageNumber page = pages_.front().first;
    pages_.pop_front();
    return page;
  }

  const PageTable* table_;
  std::deque<std::pair<PageNumber, std::uint64_t>> pages_;
};

TEST(MemoryManagerTest, Early_leavers_leave_at_ticks_and_faults) {
  MemoryShape shape = shape_of(8);
  shape.replacement.make = [](PageTable& table, std::size_t, const Rng&) {
    return std::make_unique<ReplacementOf<Hurried>>(Hurried(table));
  };
  Memory memory(shape);
  memory.make(0, Access::write);
  memory.now = 600ns;
  memory.make(1, Access::write);
  memory.now = 999ns;
  memory.manager.tick(memory.now);
  EXPECT_EQ(memory.manager.next_completion(), kNever);
  memory.now = 1000ns;
  memory.manager.tick(memory.now);
  memory.finish();
  EXPECT_EQ(memory.manager.swapped(0), 1U);
  memory.now += 1s;
  memory.make(2, Access::write);
  EXPECT_EQ(memory.manager.swapped(0), 2U);
}

// First in, first out; a page that is loaded has the one before it written.
class Cleaner : public Fifo {
 public:
  explicit Cleaner(PageTable& table) : Fifo(table), table_(&table) {}

  void load(PageNumber page, Access access) {
    Fifo::load(page, access);
    if (last_ != kNoPage) table_->write_back(last_);
    last_ = page;
  }

 private:
  PageTable* table_;
  PageNumber last_ = kNoPage;
};

TEST(MemoryManagerTest, What_a_policy_writes_back_ahead_of_time_goes_to_the_device_and_stays) {
  MemoryShape shape = shape_of(8);
  shape.replacement.make = [](PageTable& table, std::size_t, const Rng&) {
    return std::make_unique<ReplacementOf<Cleaner>>(Cleaner(table));
  };
  Memory memory(shape);
  for (std::uint32_t page = 0; page < 4; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.counts().pages_out, 3U);
  EXPECT_EQ(memory.manager.held(0), 4U);
  EXPECT_EQ(memory.manager.swap().used(), 3U);
  memory.make(0, Access::write);
  EXPECT_EQ(memory.manager.swap().used(), 2U) << "written to again";
}

TEST(MemoryManagerTest, Linux_keeps_3458_kib_free_of_730_mib) {
  const Watermarks marks = linux_watermarks(whole_pages(mebibytes(730)));
  EXPECT_EQ(marks.min, Pages(864));
  EXPECT_EQ(marks.low, Pages(1080));
  EXPECT_EQ(marks.high, Pages(1296));
}

TEST(SwapSpaceTest, Gives_slots_in_order_and_a_free_cluster_before_single_slots) {
  SwapSpace space(Pages(3 * SwapSpace::kCluster));
  std::set<Slot> slots;
  for (PageNumber page = 0; page < 300; ++page) {
    const Slot slot = space.take(page);
    EXPECT_EQ(slot, page);
    EXPECT_EQ(space.owner(slot), page);
    slots.insert(slot);
  }
  for (Slot slot = 10; slot < 20; ++slot) space.give_back(slot);
  for (PageNumber page = 300; page < 768; ++page) EXPECT_EQ(space.take(page), page);
  for (PageNumber page = 0; page < 10; ++page) EXPECT_EQ(space.take(page), 10 + page);
  EXPECT_TRUE(space.full());
}

// A page a slot, all at once.
std::vector<Slot> take(SwapSpace& space, std::size_t pages) {
  std::vector<Slot> slots;
  for (std::size_t page = 0; page < pages; ++page)
    slots.push_back(space.take(static_cast<PageNumber>(page)));
  return slots;
}

TEST(SwapSpaceTest, Of_clusters_in_use_that_lost_pages_the_first_is_filled_before_a_free_one) {
  constexpr Slot kSize = SwapSpace::kUsedCluster;
  SwapSpace space(Pages(8 * kSize), NextCluster::used);
  const std::vector<Slot> first = take(space, 3 * kSize);
  for (std::size_t i = 0; i < first.size(); ++i) EXPECT_EQ(first[i], i);
  for (const Slot slot : {kSize + 7, 3U, kSize + 2, 5U}) space.give_back(slot);
  EXPECT_THAT(take(space, 6), ElementsAre(kSize + 2, kSize + 7, 3, 5, 3 * kSize, 3 * kSize + 1));
  EXPECT_EQ(space.used(), 3 * kSize + 2);
}

TEST(SwapSpaceTest, Of_used_clusters_that_which_is_being_filled_is_gone_on_with) {
  constexpr Slot kSize = SwapSpace::kUsedCluster;
  SwapSpace space(Pages(4 * kSize), NextCluster::used);
  (void)take(space, kSize + 2);
  space.give_back(3);
  EXPECT_THAT(take(space, 1), ElementsAre(kSize + 2));
  space.give_back(kSize);
  EXPECT_THAT(take(space, kSize - 3), Each(Gt(kSize + 2))) << "to its end";
  EXPECT_THAT(take(space, 2), ElementsAre(3, 2 * kSize));
  space.give_back(kSize + 9);
  EXPECT_THAT(take(space, kSize - 1), Each(Ge(2 * kSize + 1))) << "first that which was begun";
  EXPECT_THAT(take(space, 2), ElementsAre(kSize, kSize + 9)) << "it has lost another one since";
}

TEST(SwapSpaceTest, Of_used_clusters_each_slot_is_given_once_to_the_last) {
  constexpr std::size_t kSlots = 1300;  // the last cluster is not whole
  SwapSpace space(Pages(kSlots), NextCluster::used);
  Rng rng(1);
  std::vector<Slot> taken;
  for (int round = 0; round < 20; ++round) {
    while (!space.full()) taken.push_back(space.take(1));
    EXPECT_THAT(std::set<Slot>(taken.begin(), taken.end()), SizeIs(kSlots));
    for (int i = 0; i < 900; ++i) {
      std::swap(taken[rng.below(taken.size())], taken.back());
      space.give_back(taken.back());
      taken.pop_back();
    }
  }
}

}  // namespace
}  // namespace brim::thrash::model
