// SPDX-License-Identifier: Apache-2.0
#pragma once
// A consumer of memory as a process of its own: it waits to be told when, sleeps until its start,
// takes its memory, and until its end makes bursts of accesses with a sleep after each; a burst
// that has begun is finished, however late that is. Then it gives its memory back and ends.
//
// What it has done stands in memory shared with brim (host/shared_memory.h), which reads it without
// its help. Before it takes its memory it locks what it has by then: its program, its stack, its
// tables (mlockall(2)), so that it waits for pages of its load alone. LIMIT: page tables and what
// the kernel keeps for it can't be locked; without CAP_IPC_LOCK nothing is (ConsumerPage::locked).

#include "base/result.h"
#include "lab/agent/consumer_load.h"

#include <array>
#include <atomic>
#include <cstdint>

namespace brim::lab {

// Times are of CLOCK_MONOTONIC, in nanoseconds.
struct ConsumerPage {
  // By the consumer.
  std::atomic<bool> ready;
  std::atomic<bool> locked;
  std::atomic<bool> has_memory;
  std::atomic<std::uint64_t> accesses;  // so far
  std::atomic<std::uint64_t> bursts;
  std::atomic<std::int64_t> ended;          // 0: not yet
  std::atomic<std::uint64_t> minor_faults;  // at its end
  std::atomic<std::uint64_t> major_faults;
  std::array<char, 200> failed;  // why it ended before its time, ended with a null
  // By brim: first the times, then the word.
  std::atomic<std::int64_t> start;
  std::atomic<std::int64_t> end;
  std::atomic<std::uint32_t> told;
};
static_assert(std::atomic<std::int64_t>::is_always_lock_free);

// Whole, in this process.
[[nodiscard]] Result<void> run_consumer(const ConsumerLoad& load, ConsumerPage& page);

// For brim: it may begin.
void tell_consumer(ConsumerPage& page, std::int64_t start, std::int64_t end);

}  // namespace brim::lab
