// SPDX-License-Identifier: Apache-2.0
#pragma once
// Processor time that brim itself has taken. What it costs a host is told and paced by this: time
// that passes while others have the processor is none of brim's.

#include <chrono>
#include <ctime>

namespace brim {

inline std::chrono::nanoseconds time_of_clock(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}
inline std::chrono::nanoseconds thread_time() { return time_of_clock(CLOCK_THREAD_CPUTIME_ID); }
inline std::chrono::nanoseconds process_time() { return time_of_clock(CLOCK_PROCESS_CPUTIME_ID); }

}  // namespace brim
