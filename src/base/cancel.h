// SPDX-License-Identifier: Apache-2.0
#pragma once
// Asks long work to stop: set from a signal handler or another thread, looked at between batches.
// Work that stops early returns what it has, marked partial.

#include <atomic>

namespace brim {

class Cancel {
 public:
  void request() noexcept { requested_.store(true, std::memory_order_relaxed); }
  [[nodiscard]] bool requested() const noexcept {
    return requested_.load(std::memory_order_relaxed);
  }

 private:
  std::atomic<bool> requested_{false};
  static_assert(std::atomic<bool>::is_always_lock_free);  // a signal handler may set it
};

// For work that nobody can stop.
inline const Cancel kNeverCancelled;

}  // namespace brim
