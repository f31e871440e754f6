// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/fitting_controls.h"

#include <algorithm>

namespace brim::thrash::live {
namespace {

// Room that is given away: by size, or to `most` whatever their sizes.
class Room {
 public:
  explicit Room(Bytes all, std::uint64_t most = 0) : left_(all), most_(most) {}
  // The first always gets it.
  bool take(Bytes size) {
    if (taken_ > 0 && (most_ > 0 ? taken_ >= most_ : size > left_)) return false;
    left_ -= std::min(size, left_);
    ++taken_;
    return true;
  }

 private:
  Bytes left_;
  std::uint64_t most_;
  std::uint64_t taken_ = 0;
};

}  // namespace

Result<LiveControl::Time> RoundRobinControl::step(ConsumerControls& consumers, Time now) {
  const std::size_t count = consumers.consumers();
  if (count == 0) return now + slice_;
  if (!slice_end_ || now >= *slice_end_) {
    first_ = next_first_;
    slice_end_ = now + slice_;
  }
  Room room(consumers.memory(), running_);
  std::vector<bool> chosen(count, false);
  for (std::size_t i = 0; i < count; ++i) {
    const ConsumerView one = consumers.consumer(i);
    if (one.runs && one.interactive) chosen[i] = room.take(one.memory);
  }
  // Once one has to stay all behind it do: they come first in the next slice.
  bool full = false;
  next_first_ = first_;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t number = (first_ + i) % count;
    const ConsumerView one = consumers.consumer(number);
    if (!one.runs || one.interactive || full) continue;
    chosen[number] = room.take(one.memory);
    full = !chosen[number];
    if (full) next_first_ = number;
  }
  // First those that must stop: the others need their memory.
  for (std::size_t i = 0; i < count; ++i)
    if (const ConsumerView one = consumers.consumer(i); one.runs && !chosen[i] && !one.held)
      consumers.hold(i);
  for (std::size_t i = 0; i < count; ++i)
    if (const ConsumerView one = consumers.consumer(i); chosen[i] && one.held)
      consumers.let_go_on(i);
  return *slice_end_;
}

Result<void> RoundRobinControl::end(ConsumerControls& consumers) {
  for (std::size_t i = 0; i < consumers.consumers(); ++i)
    if (consumers.consumer(i).held) consumers.let_go_on(i);
  return {};
}

Result<void> SubsetControl::begin(ConsumerControls& consumers) {
  Room room(consumers.memory());
  admitted_.assign(consumers.consumers(), false);
  for (std::size_t i = 0; i < admitted_.size(); ++i) {
    admitted_[i] = room.take(consumers.consumer(i).memory);
    if (!admitted_[i]) break;
  }
  return {};
}

Result<LiveControl::Time> SubsetControl::step(ConsumerControls& /*consumers*/, Time now) {
  return now + std::chrono::hours(1);  // nothing to do any more
}

}  // namespace brim::thrash::live
