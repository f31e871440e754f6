// SPDX-License-Identifier: Apache-2.0
#pragma once
// What is going to happen on a simulated machine, by when; of one time in the order it was added.

#include "base/result.h"
#include "thrash/model/model_time.h"

#include <cstdint>
#include <queue>
#include <utility>
#include <vector>

namespace brim::thrash::model {

template <class Event>
class EventQueue {
 public:
  void add(ModelTime at, Event event) { queue_.push({at, added_++, std::move(event)}); }
  // kNever: nothing is.
  [[nodiscard]] ModelTime next() const { return queue_.empty() ? kNever : queue_.top().at; }
  [[nodiscard]] Event take() {
    BRIM_ASSERT(!queue_.empty());
    Event event = queue_.top().event;
    queue_.pop();
    return event;
  }

 private:
  struct Entry {
    ModelTime at;
    std::uint64_t number;
    Event event;
    // The earliest is the greatest.
    bool operator<(const Entry& other) const {
      return at != other.at ? at > other.at : number > other.number;
    }
  };
  std::priority_queue<Entry> queue_;
  std::uint64_t added_ = 0;
};

}  // namespace brim::thrash::model
