// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/hard_disk.h"

#include "base/result.h"

#include <algorithm>
#include <cmath>

namespace brim::thrash::model {
namespace {

using Nanoseconds = std::chrono::duration<double, std::nano>;

ModelTime whole(Nanoseconds time) { return ModelTime(std::llround(time.count())); }

constexpr std::uint32_t kMostDrained = 64;  // slots at a time: new requests wait no longer

ModelTime page_time(double bytes_per_second) {
  return whole(Nanoseconds(static_cast<double>(kPageSize) / bytes_per_second * 1e9));
}

// A seek over a third of the tracks. The mean of the curve over all pairs of places, whose distance
// x has the density 2 (1 - x), is (27 t0 + 88 s + 20 full) / 135.
ModelTime seek_at_bend(const HardDiskShape& shape) {
  return (135 * shape.average_seek - 27 * shape.track_to_track - 20 * shape.full_stroke) / 88;
}

}  // namespace

bool has_seek_curve(const HardDiskShape& shape) {
  const ModelTime bend = seek_at_bend(shape);
  return shape.track_to_track <= bend && bend <= shape.full_stroke;
}

HardDisk::HardDisk(const HardDiskShape& shape) : shape_(shape) {
  const double rate = shape.outer_bytes_per_second +
                      shape.swap_at * (shape.inner_bytes_per_second - shape.outer_bytes_per_second);
  const Nanoseconds rotation(60e9 / shape.rpm);
  slots_per_track_ =
      std::max<std::uint64_t>(1, static_cast<std::uint64_t>(rotation / page_time(rate)));
  slot_time_ = whole(rotation / static_cast<double>(slots_per_track_));
  bus_time_ = page_time(shape.bus_bytes_per_second);
  skew_ =
      static_cast<std::uint64_t>((shape.track_to_track + slot_time_ - ModelTime(1)) / slot_time_);
  disk_slots_ = std::max<std::uint64_t>(1, whole_pages(shape.capacity).count());
  buffer_slots_ = whole_pages(shape.buffer).count();
  bend_ = seek_at_bend(shape);
}

ModelTime HardDisk::seek_time(double share) const {
  const Nanoseconds least(shape_.track_to_track);
  const Nanoseconds bend(bend_);
  if (share <= 1.0 / 3) return whole(least + (bend - least) * std::sqrt(3 * share));
  return whole(bend + (Nanoseconds(shape_.full_stroke) - bend) * ((share - 1.0 / 3) * 1.5));
}

SwapDevice::Submitted HardDisk::submit(const SwapRequest& request, ModelTime now) {
  Queue& queue = shape_.reads_first > 0 && request.transfer == Transfer::out ? writes_ : reads_;
  queue.emplace(std::pair(request.first, submitted_++), request);
  if (done_at_ == kNever) start(now, false);
  return {};
}

SwapRequest HardDisk::complete() {
  BRIM_ASSERT(done_at_ != kNever);
  const ModelTime now = done_at_;
  const SwapRequest served = serving_;
  done_at_ = kNever;
  idle_since_ = now;
  start(now, true);
  return served;
}

ModelTime HardDisk::busy(ModelTime now) const {
  return done_at_ == kNever ? busy_ : busy_ - (done_at_ - now);
}

HardDisk::Queue& HardDisk::chosen_queue() {
  if (writes_.empty()) return reads_;
  if (reads_.empty() || reads_since_write_ >= shape_.reads_first) {
    reads_since_write_ = 0;
    return writes_;
  }
  ++reads_since_write_;
  return reads_;
}

HardDisk::Queue::iterator HardDisk::next_in(Queue& queue) const {
  const auto next = queue.lower_bound(std::pair(static_cast<Slot>(head_), std::uint64_t{0}));
  return next == queue.end() ? queue.begin() : next;
}

void HardDisk::start(ModelTime now, bool queued) {
  Queue& queue = chosen_queue();
  if (queue.empty()) return;
  const auto next = next_in(queue);
  serving_ = next->second;
  queue.erase(next);
  const ModelTime time = service_time(serving_, now, queued);
  busy_ += time;
  done_at_ = now + time;
}

std::uint64_t HardDisk::buffer_end(ModelTime now) const {
  if (now <= buffer_at_) return buffer_to_;
  return std::min(buffer_most_,
                  buffer_to_ + static_cast<std::uint64_t>((now - buffer_at_) / slot_time_));
}

std::optional<ModelTime> HardDisk::buffered_time(const SwapRequest& request, ModelTime now) {
  if (last_ != Transfer::in || request.transfer != Transfer::in || buffer_slots_ == 0)
    return std::nullopt;
  const std::uint64_t end = buffer_end(now);
  const std::uint64_t begin = std::max(buffer_first_, end - std::min(end, buffer_slots_));
  if (request.first < begin || request.first > end) return std::nullopt;
  const std::uint64_t last = request.first + request.count;
  // The drive reads on while it takes the command.
  const ModelTime since = now > buffer_at_ ? (now - buffer_at_) % slot_time_ : ModelTime(0);
  const std::uint64_t missing = last > end ? last - end : 0;
  buffer_most_ = std::max(buffer_most_, last + buffer_slots_);
  buffer_to_ = end + missing;
  buffer_at_ = now - since + slot_time_ * missing;
  head_ = buffer_to_;
  return std::max(buffer_at_ - now, shape_.command + bus_time_ * request.count);
}

bool HardDisk::all_cached(const SwapRequest& request) const {
  for (Slot slot = request.first; slot < request.first + request.count; ++slot)
    if (!cached_.contains(slot)) return false;
  return true;
}

ModelTime HardDisk::write_to_cache(const SwapRequest& request, ModelTime now) {
  ModelTime time{0};
  while (cached_.size() + request.count > buffer_slots_) time += drain(now + time);
  for (Slot slot = request.first; slot < request.first + request.count; ++slot)
    cached_.insert(slot);
  return time + shape_.command + bus_time_ * request.count;
}

ModelTime HardDisk::drain(ModelTime now) {
  auto at = cached_.lower_bound(static_cast<Slot>(head_));
  if (at == cached_.end()) at = cached_.begin();
  SwapRequest run{Transfer::out, *at, 0};
  while (at != cached_.end() && *at == run.first + run.count && run.count < kMostDrained) {
    ++run.count;
    at = cached_.erase(at);
  }
  return time_on_disk(run, now, true);
}

ModelTime HardDisk::drain_while_idle(ModelTime now) {
  ModelTime at = idle_since_ + rotation();
  if (at >= now) return ModelTime(0);
  while (!cached_.empty() && at < now) at += drain(at);
  return std::max(at - now, ModelTime(0));
}

ModelTime HardDisk::service_time(const SwapRequest& request, ModelTime now, bool queued) {
  if (!shape_.write_cache) return time_on_disk(request, now, queued);
  const ModelTime before = queued || cached_.empty() ? ModelTime(0) : drain_while_idle(now);
  if (request.transfer == Transfer::out && request.count <= buffer_slots_)
    return before + write_to_cache(request, now + before);
  if (request.transfer == Transfer::in && all_cached(request))
    return before + shape_.command + bus_time_ * request.count;
  return before + time_on_disk(request, now + before, queued && before == ModelTime(0));
}

ModelTime HardDisk::time_on_disk(const SwapRequest& request, ModelTime now, bool queued) {
  if (const auto time = buffered_time(request, now)) return *time;
  // The drive knew of it while it was at the one before: the head is there.
  const bool follows = queued && request.first == head_ && last_ == request.transfer;
  const ModelTime before =
      follows ? ModelTime(0)
              : shape_.command + positioning_time(request.first, now + shape_.command);
  const ModelTime time = before + transfer_time(request);
  last_ = request.transfer;
  head_ = request.first + request.count;
  buffer_first_ = request.first;
  buffer_to_ = head_;
  buffer_at_ = now + time;
  buffer_most_ = head_ + buffer_slots_;
  return time;
}

ModelTime HardDisk::positioning_time(Slot slot, ModelTime now) const {
  const std::uint64_t distance = slot > head_ ? slot - head_ : head_ - slot;
  const bool same_track = track_of(slot) == track_of(head_);
  const ModelTime seek = same_track
                             ? ModelTime(0)
                             : seek_time(std::min(1.0, static_cast<double>(distance) /
                                                           static_cast<double>(disk_slots_)));
  const std::uint64_t place = (slot % slots_per_track_ + track_of(slot) * skew_) % slots_per_track_;
  const ModelTime there = (now + seek) % rotation();
  const ModelTime wait = slot_time_ * place - there;
  return seek + (wait < ModelTime(0) ? wait + rotation() : wait);
}

ModelTime HardDisk::transfer_time(const SwapRequest& request) const {
  const std::uint64_t crossed =
      track_of(request.first + request.count - 1) - track_of(request.first);
  return slot_time_ * (request.count + crossed * skew_);
}

}  // namespace brim::thrash::model
