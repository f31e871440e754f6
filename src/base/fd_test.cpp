// SPDX-License-Identifier: Apache-2.0
#include "base/fd.h"

#include <fcntl.h>
#include <gtest/gtest.h>

namespace brim {
namespace {

int open_null() { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); }
bool is_open(int fd) { return ::fcntl(fd, F_GETFD) != -1; }

TEST(Fd, Closes_when_it_goes) {
  const int raw = open_null();
  ASSERT_GE(raw, 0);
  {
    const Fd fd(raw);
    EXPECT_TRUE(fd);
    EXPECT_EQ(fd.get(), raw);
    EXPECT_TRUE(is_open(raw));
  }
  EXPECT_FALSE(is_open(raw));
}

TEST(Fd, Holds_none_by_default_and_for_a_failed_open) {
  EXPECT_FALSE(Fd());
  EXPECT_FALSE(Fd(::open("/no/such/file", O_RDONLY | O_CLOEXEC)));
}

TEST(Fd, Moves_its_descriptor_and_keeps_it_open) {
  const int raw = open_null();
  Fd first(raw);
  Fd second(std::move(first));
  EXPECT_FALSE(first);  // NOLINT(bugprone-use-after-move): what a move leaves is part of Fd's word
  EXPECT_TRUE(is_open(raw));
  const int other = open_null();
  Fd third(other);
  third = std::move(second);
  EXPECT_FALSE(is_open(other));  // what it held is closed
  EXPECT_TRUE(is_open(raw));
  EXPECT_EQ(third.get(), raw);
}

TEST(Fd, Survives_being_moved_to_itself) {
  Fd fd(open_null());
  Fd& same = fd;
  fd = std::move(same);
  EXPECT_TRUE(fd);
  EXPECT_TRUE(is_open(fd.get()));
}

TEST(Fd, Released_descriptor_is_the_callers) {
  Fd fd(open_null());
  const int raw = fd.release();
  fd.reset();
  EXPECT_FALSE(fd);
  EXPECT_TRUE(is_open(raw));
  ::close(raw);
}

TEST(Fd, Reset_twice_closes_once) {
  Fd fd(open_null());
  const int raw = fd.get();
  fd.reset();
  const int again = open_null();  // takes the same number: a second close would hit it
  EXPECT_EQ(again, raw);
  fd.reset();
  EXPECT_TRUE(is_open(again));
  ::close(again);
}

}  // namespace
}  // namespace brim
