// SPDX-License-Identifier: Apache-2.0
#pragma once
// The hard disk of swap_device.h: one request at a time, in the elevator's order.

#include "thrash/model/swap_device.h"

#include <map>
#include <optional>
#include <set>
#include <utility>

namespace brim::thrash::model {

class HardDisk final : public SwapDevice {
 public:
  explicit HardDisk(const HardDiskShape& shape);

  Submitted submit(const SwapRequest& request, ModelTime now) override;
  ModelTime next_completion() const override { return done_at_; }
  SwapRequest complete() override;
  ModelTime busy(ModelTime now) const override;

  // Over this share of all tracks.
  [[nodiscard]] ModelTime seek_time(double share) const;
  [[nodiscard]] ModelTime rotation() const { return slot_time_ * slots_per_track_; }
  [[nodiscard]] ModelTime slot_time() const { return slot_time_; }

 private:
  using Queue = std::map<std::pair<Slot, std::uint64_t>, SwapRequest>;

  // `queued`: it was there before the one before it was done.
  void start(ModelTime now, bool queued);
  [[nodiscard]] Queue& chosen_queue();
  [[nodiscard]] Queue::iterator next_in(Queue& queue) const;
  [[nodiscard]] ModelTime service_time(const SwapRequest& request, ModelTime now, bool queued);
  [[nodiscard]] ModelTime time_on_disk(const SwapRequest& request, ModelTime now, bool queued);
  // The write cache.
  [[nodiscard]] bool all_cached(const SwapRequest& request) const;
  [[nodiscard]] ModelTime write_to_cache(const SwapRequest& request, ModelTime now);
  // A run of what is there goes to the disk.
  [[nodiscard]] ModelTime drain(ModelTime now);
  // What was drained while there were no requests; the time that it goes on for.
  [[nodiscard]] ModelTime drain_while_idle(ModelTime now);
  // What the drive has read on into its buffer until now.
  [[nodiscard]] std::uint64_t buffer_end(ModelTime now) const;
  // Nothing: it is not in the buffer.
  [[nodiscard]] std::optional<ModelTime> buffered_time(const SwapRequest& request, ModelTime now);
  [[nodiscard]] ModelTime positioning_time(Slot slot, ModelTime now) const;
  [[nodiscard]] ModelTime transfer_time(const SwapRequest& request) const;
  [[nodiscard]] std::uint64_t track_of(std::uint64_t slot) const { return slot / slots_per_track_; }

  HardDiskShape shape_;
  ModelTime slot_time_{0};  // under the head
  ModelTime bus_time_{0};   // of a slot
  std::uint64_t slots_per_track_ = 1;
  std::uint64_t skew_ = 0;  // slots, from track to track
  std::uint64_t disk_slots_ = 1;
  std::uint64_t buffer_slots_ = 0;
  ModelTime bend_{0};  // a seek over a third of the tracks

  Queue reads_;
  Queue writes_;  // with reads_first; else all are reads_
  std::uint64_t submitted_ = 0;
  std::uint32_t reads_since_write_ = 0;

  SwapRequest serving_;
  ModelTime done_at_ = kNever;
  std::uint64_t head_ = 0;  // the slot after what was last read or written
  Transfer last_ = Transfer::out;
  // Where that was a read: what is in the buffer, and how it grows.
  std::uint64_t buffer_first_ = 0;
  std::uint64_t buffer_to_ = 0;  // at buffer_at_
  ModelTime buffer_at_{0};
  std::uint64_t buffer_most_ = 0;  // where reading on ends
  std::set<Slot> cached_;          // written, and not on the disk yet
  ModelTime idle_since_{0};
  ModelTime busy_{0};  // of all requests begun, to their ends
};

}  // namespace brim::thrash::model
