// SPDX-License-Identifier: Apache-2.0
// Parts themselves are tested in a guest with version 2 alone (tests/live/thrash_v2_test.cpp).
#include "host/group_parts.h"

#include "host/test_processes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::host {
namespace {

using testing::HasSubstr;

TEST(GroupParts, Are_there_where_version_2_has_the_memory_controller_and_passes_it_on) {
  EXPECT_TRUE(check_group_parts(fixture("group-v2")));
  for (const char* other : {"group-hybrid", "group-v1"}) {
    const auto parts = check_group_parts(fixture(other));
    ASSERT_FALSE(parts) << other;
    EXPECT_EQ(parts.error().code, ErrorCode::missing);
    EXPECT_THAT(parts.error().what, HasSubstr("here version 1 has the memory controller"));
  }
}

}  // namespace
}  // namespace brim::host
