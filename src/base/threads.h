// SPDX-License-Identifier: Apache-2.0
#pragma once
// The same work on several threads, this one among them.
//
// Not oneTBB (Debian's 2021.8), whose work stealing has nothing to do here, where a few workers
// take what there is from a counter or a list: where the system has no threads to give it throws
// instead of working with those there are, and its threads stay, while images fork their readers.
// ThreadSanitizer, which does not see inside the library, gives some 30 false reports for one
// parallel_for. That can be had without losing what it is for: none are left, and a planted race is
// still found, with __tsan_release() and __tsan_acquire() around the body, whose own members are
// no_sanitize("thread"), and the suppressions called_from_lib:libtbb.so.12, race_top:oneapi/tbb and
// race_top:bits/atomic_base.h.

#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace brim {

// Calls work(0) ... work(count - 1), each once, at most `count` at a time: on fewer threads where
// the system has no more to give. What the first of them throws, once all have ended, is thrown
// here.
template <class Work>
void run_on_threads(unsigned count, const Work& work) {
  std::atomic<unsigned> next{0};
  std::mutex mutex;
  std::exception_ptr thrown;
  const auto run = [&] {
    for (unsigned number = next++; number < count; number = next++) {
      try {
        work(number);
      } catch (...) {
        const std::lock_guard lock(mutex);
        if (!thrown) thrown = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    threads.reserve(count);
    try {
      for (unsigned i = 1; i < count; ++i) threads.emplace_back(run);
    } catch (const std::system_error&) {
      // Those there are, and this one, do it all.
    }
    run();
  }
  if (thrown) std::rethrow_exception(thrown);
}

// Runs `beside` on a thread of its own while `here` runs on this one; `ended` becomes true when
// `beside` has ended. What `beside` throws is thrown here once both have ended.
template <class Beside, class Here>
void run_beside(const Beside& beside, std::atomic<bool>& ended, const Here& here) {
  std::exception_ptr thrown;
  {
    const std::jthread thread([&] {
      try {
        beside();
      } catch (...) {
        thrown = std::current_exception();
      }
      ended = true;
    });
    here();
  }
  if (thrown) std::rethrow_exception(thrown);
}

}  // namespace brim
