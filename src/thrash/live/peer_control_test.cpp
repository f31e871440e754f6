// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_control.h"

#include "host/system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using testing::HasSubstr;

TEST(PeerControl, A_group_is_shown_as_a_machine_of_its_size) {
  const std::string text =
      memory_info_of(mebibytes(150), mebibytes(140), mebibytes(1024), mebibytes(24));
  const auto info = host::parse_memory_info(text, "shown");
  ASSERT_TRUE(info) << error_line(info.error());
  EXPECT_EQ(info->total_bytes, mebibytes(150).count());
  EXPECT_EQ(info->available_bytes, mebibytes(10).count());
  EXPECT_EQ(info->swap_total_bytes, mebibytes(1024).count());
  EXPECT_EQ(info->swap_free_bytes, mebibytes(1000).count());
}

TEST(PeerControl, What_is_shown_is_always_as_long_and_never_below_nothing) {
  const std::string full =
      memory_info_of(mebibytes(150), mebibytes(151), mebibytes(10), mebibytes(11));
  EXPECT_THAT(full, HasSubstr("MemAvailable:             0 kB\n"));
  EXPECT_THAT(full, HasSubstr("SwapFree:                 0 kB\n"));
  EXPECT_EQ(memory_info_of(gibibytes(500), Bytes(0), gibibytes(2), Bytes(0)).size(), full.size());
}

}  // namespace
}  // namespace brim::thrash::live
