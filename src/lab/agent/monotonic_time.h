// SPDX-License-Identifier: Apache-2.0
#pragma once
// CLOCK_MONOTONIC in nanoseconds: what brim and the programs it starts tell each other times by.
// libstdc++'s and libc++'s steady_clock is the same clock.

#include <cerrno>
#include <chrono>
#include <cstdint>
#include <ctime>

namespace brim::lab {

inline constexpr std::int64_t kNanosecondsPerSecond = 1'000'000'000;

[[nodiscard]] inline std::int64_t monotonic_now() {
  return std::chrono::steady_clock::now().time_since_epoch().count();
}

// Also when signals come in between. A time that is past is no sleep.
inline void sleep_until(std::int64_t when) {
  const timespec until{static_cast<time_t>(when / kNanosecondsPerSecond),
                       static_cast<long>(when % kNanosecondsPerSecond)};
  while (::clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) == EINTR) continue;
}

}  // namespace brim::lab
