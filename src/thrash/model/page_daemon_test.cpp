// SPDX-License-Identifier: Apache-2.0
// Where the kernel's process alone reclaims: who waits, who frees, and who goes on when.
#include "thrash/model/test_memory.h"

#include <cstdint>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

MemoryShape with_daemon(std::uint64_t frames, const Watermarks& marks) {
  MemoryShape shape = test::shape_of(frames);
  shape.watermarks = marks;
  shape.reclaimer = Reclaimer::daemon;
  return shape;
}

TEST(PageDaemonTest, Who_misses_waits_for_the_daemon_and_takes_nothing_itself) {
  for (const Reclaimer reclaimer : {Reclaimer::daemon, Reclaimer::who_misses}) {
    MemoryShape shape = with_daemon(4, {.min = Pages(1), .low = Pages(2), .high = Pages(3)});
    shape.reclaimer = reclaimer;
    const bool waits = reclaimer == Reclaimer::daemon;
    test::Memory memory(shape);
    for (std::uint32_t page = 0; page < 3; ++page) memory.make(page, Access::write);
    const Touch touch = memory.touch(3, Access::write);
    EXPECT_EQ(touch.outcome, Outcome::waits_for_frame);
    EXPECT_EQ(touch.system == shape.costs.minor_fault, waits);
    EXPECT_EQ(memory.manager.counts().scanned == 0, waits);
    EXPECT_EQ(memory.manager.next_completion() == kNever, waits) << "nothing is on its way";
    if (waits) {
      EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
    }
    memory.finish();
    EXPECT_EQ(memory.touch(3, Access::write).outcome, Outcome::made);
  }
}

TEST(PageDaemonTest, Who_waits_goes_on_once_as_many_frames_are_free_as_the_system_wants) {
  MemoryShape shape = with_daemon(6, {.min = Pages(1), .low = Pages(3), .high = Pages(4)});
  shape.wake_at = Pages(3);
  test::Memory memory(shape);
  for (std::uint32_t page = 0; page < 5; ++page) memory.make(page, Access::write);
  for (const std::size_t may_try : {0U, 0U, 2U}) {
    EXPECT_EQ(memory.manager.frames_for_waiting(), may_try) << memory.manager.free_frames();
    EXPECT_EQ(memory.manager.retries_at_tick(), may_try);
    EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
    memory.finish();
  }
}

// Pages 0 to 3 are out; frames that others use leave 2 and 3 on the standby list, and no frame
// above the least.
TEST(PageDaemonTest, Who_misses_a_page_that_stands_by_waits_for_a_frame_where_the_system_says_so) {
  for (const Freed freed : {Freed::kept, Freed::kept_above_min}) {
    MemoryShape shape = with_daemon(8, {.min = Pages(2), .low = Pages(3), .high = Pages(4)});
    shape.freed = freed;
    test::Memory memory(shape);
    for (std::uint32_t page = 0; page < 4; ++page) memory.make(page, Access::write);
    memory.manager.order_out(0, memory.now);
    memory.finish();
    for (std::uint32_t page = 10; page < 16; ++page) memory.make(page, Access::read);
    EXPECT_EQ(memory.manager.standing_by(), 2U);
    const bool waits = freed == Freed::kept_above_min;
    EXPECT_EQ(memory.touch(2, Access::read).outcome == Outcome::waits_for_frame, waits);
    EXPECT_EQ(memory.manager.counts().unread, waits ? 0U : 1U);
    if (!waits) continue;
    EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
    EXPECT_EQ(memory.touch(2, Access::read).fault, Fault::minor);
    EXPECT_EQ(memory.manager.counts().unread, 1U);
    EXPECT_EQ(memory.manager.counts().pages_in, 0U);
  }
}

// One slot: a second page can't leave.
TEST(PageDaemonTest, Once_the_daemon_finds_nothing_memory_is_out) {
  MemoryShape shape = with_daemon(4, {.min = Pages(1), .low = Pages(2), .high = Pages(2)});
  shape.swap.slots = Pages(1);
  test::Memory memory(shape);
  for (std::uint32_t page = 0; page < 3; ++page) memory.make(page, Access::write);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 1U);
  memory.finish();
  memory.make(3, Access::write);
  EXPECT_EQ(memory.touch(4, Access::write).outcome, Outcome::waits_for_frame);
  EXPECT_EQ(memory.manager.retries_at_tick(), 0U);
  EXPECT_EQ(memory.manager.reclaim(memory.now).taken, 0U);
  EXPECT_EQ(memory.manager.retries_at_tick(), SIZE_MAX) << "to be told";
  EXPECT_EQ(memory.touch(4, Access::write).outcome, Outcome::out_of_memory);
}

// No write comes to its end within these seconds, so that the daemon waits, having taken 32 pages.
// What it takes to move the first process's pages out, a millisecond each, is spent all the same.
TEST(PageDaemonTest, Processor_time_of_orders_does_not_wait_for_the_daemons_writes) {
  MachinePlan plan =
      test::small_machine(200, {Pages(4000), RemoteShape{.round_trip = std::chrono::hours(1)}});
  plan.memory.watermarks = {.min = Pages(2), .low = Pages(20), .high = Pages(120)};
  plan.memory.reclaimer = Reclaimer::daemon;
  plan.memory.most_writes = 1;
  plan.memory.costs.swap_page = 1ms;
  for (int i = 0; i < 2; ++i) plan.processes.push_back(test::uniform_process(150, 1'000'000, 0ms));
  test::MachineRun run(plan);
  run.until(1s);
  EXPECT_TRUE(run.machine.memory().writes_enough());
  const std::size_t held = run.machine.memory().held(0);
  const ModelTime before = run.machine.controls().processor_times().system;
  run.machine.controls().order_out(0);
  run.until(2s);
  const ModelTime taken = run.machine.controls().processor_times().system - before;
  EXPECT_GT(held, 50U);
  EXPECT_GT(taken, 40ms);
}

// Three that want more than there is, one after the other, on a disk and on zram.
TEST(PageDaemonTest, On_a_machine_all_are_served_and_frames_pages_and_slots_are_conserved) {
  for (const DeviceShape& device : {test::disk(), DeviceShape{Pages(500), CompressedShape{}}}) {
    MachinePlan plan = test::small_machine(100, device);
    plan.memory.watermarks = {.min = Pages(2), .low = Pages(6), .high = Pages(10)};
    plan.memory.wake_at = Pages(4);
    plan.memory.reclaimer = Reclaimer::daemon;
    plan.memory.freed = Freed::kept;
    plan.memory.read_ahead = ReadAhead::slots;
    plan.processors = 2;
    for (int i = 0; i < 3; ++i) {
      plan.processes.push_back(test::uniform_process(50, 100, 1ms));
      plan.processes.back().run_for = std::chrono::milliseconds(200 * i + 200);
    }
    test::MachineRun run(plan);
    run.machine.after_each_event([&] { ASSERT_EQ(run.machine.memory().inconsistency(), ""); });
    run.until(6s);
    if (HasFailure()) return;
    EXPECT_GT(run.machine.memory().counts().unread, 0U);
    EXPECT_EQ(run.machine.memory().free_frames(), 100U) << "all have ended";
    EXPECT_EQ(run.machine.memory().swap().used(), 0U);
  }
}

}  // namespace
}  // namespace brim::thrash::model
