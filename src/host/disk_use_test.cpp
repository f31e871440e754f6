// SPDX-License-Identifier: Apache-2.0
#include "host/disk_use.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::HasSubstr;

constexpr char kStatistics[] =
    "   7       0 loop0 11 0 28 0 0 0 0 0 0 4 0 0 0 0 0 0 0\n"
    " 254       0 vda 51872 17 3404234 5130 401276 10043 21834400 80214 0 94512 87991 0 0 0 0 22 "
    "2646\n"
    " 254       1 vda1 1 0\n";

TEST(DiskUse, Is_the_time_with_a_request_under_way) {
  EXPECT_EQ(*parse_disk_busy(kStatistics, "254:0", "there"), std::chrono::milliseconds(94512));
  EXPECT_EQ(*parse_disk_busy(kStatistics, "7:0", "there"), std::chrono::milliseconds(4));
}

TEST(DiskUse, A_disk_that_is_not_there_or_tells_too_little_is_an_error) {
  const auto none = parse_disk_busy(kStatistics, "8:0", "there");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::missing);
  const auto cut = parse_disk_busy(kStatistics, "254:1", "there");
  ASSERT_FALSE(cut);
  EXPECT_THAT(error_line(cut.error()), HasSubstr("there:3"));
}

}  // namespace
}  // namespace brim::host
