// SPDX-License-Identifier: Apache-2.0
#include "host/shared_memory.h"

#include "host/child.h"

#include <atomic>
#include <chrono>
#include <cstring>
#include <thread>

#include <gtest/gtest.h>

namespace brim::host {
namespace {

using namespace std::chrono_literals;

TEST(SharedMemory, Another_process_opens_it_by_its_name_and_both_see_what_is_written) {
  const auto mine = SharedMemory::create(8192);
  ASSERT_TRUE(mine) << error_line(mine.error());
  EXPECT_EQ(static_cast<const char*>(mine->data())[8191], 0);
  const auto said = run_in_child(
      [&]() -> std::string {
        const auto theirs = SharedMemory::open(mine->name(), 8192);
        if (!theirs) return error_line(theirs.error());
        if (theirs->data() == mine->data()) return "not a mapping of its own";
        std::strcpy(static_cast<char*>(theirs->data()) + 5000, "hello");
        return "written";
      },
      5s);
  ASSERT_TRUE(said) << error_line(said.error());
  EXPECT_EQ(*said, "written");
  EXPECT_STREQ(static_cast<const char*>(mine->data()) + 5000, "hello");
}

TEST(SharedMemory, What_is_too_small_or_not_there_is_an_error) {
  const auto mine = SharedMemory::create(100);
  ASSERT_TRUE(mine);
  EXPECT_EQ(SharedMemory::open(mine->name(), 101).error().code, ErrorCode::bad_input);
  EXPECT_FALSE(SharedMemory::open("/proc/self/fd/987654", 1));
}

TEST(SharedMemory, Who_waits_for_a_word_of_it_wakes_when_it_changes) {
  const auto memory = SharedMemory::create(64);
  ASSERT_TRUE(memory);
  auto& word = *new (memory->data()) std::atomic<unsigned>(0);
  std::atomic<bool> woke{false};
  std::thread waiter([&] {
    while (word == 0) wait_while(&word, 0);
    woke = true;
  });
  std::this_thread::sleep_for(50ms);
  EXPECT_FALSE(woke);
  word = 1;
  wake_all(&word);
  waiter.join();
  EXPECT_TRUE(woke);
}

}  // namespace
}  // namespace brim::host
