// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/swap_device.h"

#include "base/rng.h"
#include "thrash/model/hard_disk.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

double seconds(ModelTime time) { return std::chrono::duration<double>(time).count(); }

// Each request when the one before is done.
ModelTime one_by_one(SwapDevice& device, const std::vector<Slot>& slots, Transfer transfer) {
  ModelTime now{0};
  for (const Slot slot : slots) {
    const auto submitted = device.submit({transfer, slot, 1}, now);
    EXPECT_FALSE(submitted.done);
    now = device.next_completion();
    EXPECT_EQ(device.complete().first, slot);
  }
  return now;
}

std::vector<Slot> random_slots(std::size_t count, std::uint64_t below, std::uint64_t seed) {
  Rng rng(seed);
  std::vector<Slot> slots(count);
  for (Slot& slot : slots) slot = static_cast<Slot>(rng.below(below));
  return slots;
}

std::vector<Slot> slots_in_order(std::size_t count) {
  std::vector<Slot> slots(count);
  for (std::size_t i = 0; i < count; ++i) slots[i] = static_cast<Slot>(i);
  return slots;
}

// The average seek, half a turn, the command and the transfer: 8.5 + 4.17 + 0.1 + 0.1 ms.
TEST(HardDiskTest, Random_reads_over_the_whole_disk_take_a_seek_and_half_a_turn) {
  const HardDiskShape shape;
  HardDisk disk(shape);
  const auto slots = random_slots(4000, whole_pages(shape.capacity).count(), 1);
  const double each = seconds(one_by_one(disk, slots, Transfer::in)) / 4000;
  const double expected =
      seconds(shape.average_seek + disk.rotation() / 2 + shape.command + disk.slot_time());
  EXPECT_NEAR(each, expected, 0.02 * expected);
}

// A file of 2 GB is a twentieth of the disk: shorter seeks, the same turn.
TEST(HardDiskTest, Seeks_within_a_swap_file_are_shorter_than_the_average) {
  const HardDiskShape shape;
  HardDisk disk(shape);
  const double each = seconds(one_by_one(disk, random_slots(4000, 524288, 2), Transfer::in)) / 4000;
  EXPECT_GT(each, seconds(disk.rotation() / 2 + shape.track_to_track));
  EXPECT_LT(each, seconds(disk.rotation() / 2 + shape.average_seek / 2));
}

TEST(HardDiskTest, The_seek_curve_grows_and_meets_its_ends) {
  const HardDiskShape shape;
  const HardDisk disk(shape);
  EXPECT_EQ(disk.seek_time(0), shape.track_to_track);
  EXPECT_EQ(disk.seek_time(1), shape.full_stroke);
  for (int percent = 0; percent < 100; ++percent)
    EXPECT_LT(disk.seek_time(percent / 100.0), disk.seek_time((percent + 1) / 100.0));
  EXPECT_LT(disk.seek_time(1.0 / 3 + 1e-9) - disk.seek_time(1.0 / 3 - 1e-9), 1us);
}

// 8,192 pages in order, a command for each: 0.14 ms of command and bus, 29 MB/s; one by one the
// drive's reading on hides the rest.
TEST(HardDiskTest, Reads_in_order_are_found_in_the_buffer) {
  HardDisk disk(HardDiskShape{});
  const double taken = seconds(one_by_one(disk, slots_in_order(8192), Transfer::in));
  EXPECT_GT(8192 * 4096 / taken, 25e6);
  EXPECT_LT(8192 * 4096 / taken, 30e6);
}

TEST(HardDiskTest, One_long_request_is_faster_than_single_ones_that_each_wait_for_a_turn) {
  HardDiskShape shape;
  shape.buffer = Bytes(0);
  HardDisk single(shape);
  const ModelTime one_by = one_by_one(single, slots_in_order(256), Transfer::out);
  HardDisk together(shape);
  EXPECT_FALSE(together.submit({Transfer::out, 0, 256}, 0s).done);
  EXPECT_LT(together.next_completion() * 20, one_by);
}

TEST(HardDiskTest, The_elevator_goes_upwards_and_begins_again_from_the_lowest) {
  HardDisk disk(HardDiskShape{});
  for (const Slot slot : {500000U, 900000U, 100U, 600000U, 300000U})
    EXPECT_FALSE(disk.submit({Transfer::in, slot, 1}, 0s).done);
  std::vector<Slot> order;
  while (disk.next_completion() != kNever) order.push_back(disk.complete().first);
  EXPECT_EQ(order, (std::vector<Slot>{500000, 600000, 900000, 100, 300000}));
}

TEST(HardDiskTest, Writes_wait_for_reads_only_where_asked_for_and_not_for_ever) {
  for (const std::uint32_t reads_first : {0U, 4U}) {
    HardDiskShape shape;
    shape.reads_first = reads_first;
    HardDisk disk(shape);
    EXPECT_FALSE(disk.submit({Transfer::in, 0, 1}, 0s).done);
    EXPECT_FALSE(disk.submit({Transfer::out, 1000, 1}, 0s).done);
    for (Slot slot = 2000; slot < 2020; ++slot)
      EXPECT_FALSE(disk.submit({Transfer::in, slot * 10, 1}, 0s).done);
    int before = 0;
    while (disk.complete().transfer == Transfer::in) ++before;
    EXPECT_EQ(before, reads_first == 0 ? 1 : 5);
  }
}

HardDiskShape with_write_cache() {
  HardDiskShape shape;
  shape.write_cache = true;
  return shape;
}

// A command and the bus: 0.14 ms.
TEST(HardDiskTest, A_write_is_done_as_it_is_in_the_cache) {
  HardDisk disk(with_write_cache());
  const auto slots = random_slots(400, 500000, 3);
  EXPECT_LT(one_by_one(disk, slots, Transfer::out), 400 * 150us);
}

// Four times the buffer at random: what has no room waits for the disk; those that are in the
// buffer together go in the order of their places.
TEST(HardDiskTest, A_full_cache_drains_in_the_disks_order_and_no_write_is_free_for_ever) {
  const auto slots = random_slots(2048, 500000, 3);
  HardDisk cached(with_write_cache());
  HardDisk plain(HardDiskShape{});
  const ModelTime with = one_by_one(cached, slots, Transfer::out);
  const ModelTime without = one_by_one(plain, slots, Transfer::out);
  EXPECT_LT(with, without);
  EXPECT_GT(with, without / 4);
}

TEST(HardDiskTest, The_cache_drains_while_the_drive_is_idle) {
  const auto burst = [](HardDisk& disk, std::uint64_t seed, ModelTime from) {
    ModelTime now = from;
    for (const Slot slot : random_slots(500, 500000, seed)) {
      EXPECT_FALSE(disk.submit({Transfer::out, slot, 1}, now).done);
      now = disk.next_completion();
      EXPECT_EQ(disk.complete().first, slot);
    }
    return now - from;
  };
  HardDisk disk(with_write_cache());
  EXPECT_LT(burst(disk, 1, 0s), 100ms);
  EXPECT_LT(burst(disk, 2, 60s), 100ms) << "a minute has emptied it";
  EXPECT_GT(burst(disk, 3, 60200ms), 1s) << "a fifth of a second has not";
}

TEST(HardDiskTest, What_was_just_written_is_read_from_the_cache) {
  HardDisk disk(with_write_cache());
  const auto slots = random_slots(400, 500000, 3);
  const ModelTime written = one_by_one(disk, slots, Transfer::out);
  ModelTime now = written;
  for (const Slot slot : slots) {
    EXPECT_FALSE(disk.submit({Transfer::in, slot, 1}, now).done);
    now = disk.next_completion();
    (void)disk.complete();
  }
  EXPECT_LT(now - written, 400 * 150us);
}

TEST(HardDiskTest, Is_busy_while_it_has_requests) {
  HardDisk disk(HardDiskShape{});
  EXPECT_FALSE(disk.submit({Transfer::in, 5000, 1}, 1s).done);
  const ModelTime done = disk.next_completion();
  EXPECT_EQ(disk.busy(1s), 0s);
  EXPECT_EQ(disk.busy(done), done - 1s);
  EXPECT_EQ(disk.complete().first, 5000U);
  EXPECT_EQ(disk.busy(done + 5s), done - 1s);
}

// 8 channels, each 100 us and 65.5 us of transfer at its part of the bandwidth.
TEST(FlashTest, Requests_beside_each_other_take_no_longer_than_one) {
  const auto device = make_device({Pages(1000), kSataFlash});
  for (Slot slot = 0; slot < 9; ++slot)
    EXPECT_FALSE(device->submit({Transfer::in, slot, 1}, 0s).done);
  const ModelTime first = device->next_completion();
  EXPECT_NEAR(seconds(first), 165.5e-6, 1e-6);
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(device->next_completion(), first);
    (void)device->complete();
  }
  EXPECT_EQ(device->next_completion(), 2 * first);
  EXPECT_EQ(device->busy(2 * first), 2 * first);
}

TEST(FlashTest, Many_requests_come_at_the_bandwidth_less_latency) {
  const auto device = make_device({Pages(100000), kNvmeFlash});
  for (Slot slot = 0; slot < 10000; ++slot)
    EXPECT_FALSE(device->submit({Transfer::in, slot * 8, 8}, 0s).done);
  ModelTime end{0};
  while (device->next_completion() != kNever) {
    end = device->next_completion();
    (void)device->complete();
  }
  const double rate = 80000 * 4096 / seconds(end);
  EXPECT_GT(rate, 2.4e9);
  EXPECT_LT(rate, 3e9);
}

TEST(CompressedTest, Pages_are_there_at_once_and_take_processor_time_and_memory) {
  const CompressedShape shape;
  const auto device = make_device({Pages(1000), shape});
  const auto stored = device->submit({Transfer::out, 10, 100}, 0s);
  EXPECT_TRUE(stored.done);
  EXPECT_EQ(stored.processor, 100 * shape.compress);
  EXPECT_EQ(device->pool(), Pages(35));
  EXPECT_EQ(device->submit({Transfer::in, 10, 1}, 0s).processor, shape.decompress);
  for (Slot slot = 10; slot < 110; ++slot) device->discard(slot);
  device->discard(10);
  EXPECT_EQ(device->pool(), Pages(0));
}

TEST(CompressedTest, What_the_pool_has_no_room_for_goes_to_the_device_behind_it) {
  CompressedShape shape;
  shape.most_pool = Pages(35);
  shape.backing = kSataFlash;
  const auto device = make_device({Pages(1000), shape});
  EXPECT_TRUE(device->submit({Transfer::out, 0, 100}, 0s).done);
  EXPECT_FALSE(device->submit({Transfer::out, 100, 10}, 0s).done);
  EXPECT_EQ(device->complete().first, 100U);
  EXPECT_TRUE(device->submit({Transfer::in, 99, 1}, 1s).done);
  const auto both = device->submit({Transfer::in, 98, 4}, 1s);
  EXPECT_FALSE(both.done);
  EXPECT_EQ(both.processor, 2 * shape.decompress);
}

// 4,096 bytes at 117 MB/s are 35 us.
TEST(RemoteTest, Transfers_share_the_link_and_come_a_round_trip_later) {
  const auto device = make_device({Pages(1000), RemoteShape{.fails_at = 5s}});
  EXPECT_FALSE(device->submit({Transfer::in, 0, 1}, 0s).done);
  EXPECT_FALSE(device->submit({Transfer::in, 1, 1}, 0s).done);
  const ModelTime first = device->next_completion();
  EXPECT_NEAR(seconds(first), 135e-6, 1e-6);
  (void)device->complete();
  EXPECT_NEAR(seconds(device->next_completion() - first), 35e-6, 1e-6);
  EXPECT_EQ(device->fails_at(), 5s);
}

}  // namespace
}  // namespace brim::thrash::model
