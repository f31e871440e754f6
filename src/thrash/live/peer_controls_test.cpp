// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_controls.h"

#include "host/system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using testing::HasSubstr;

TEST(PeerControls, A_group_is_shown_as_a_machine_of_its_size) {
  const std::string text =
      memory_info_of(mebibytes(150), mebibytes(140), mebibytes(1024), mebibytes(24));
  const auto info = host::parse_memory_info(text, "shown");
  ASSERT_TRUE(info) << error_line(info.error());
  EXPECT_EQ(info->total_bytes, mebibytes(150).count());
  EXPECT_EQ(info->available_bytes, mebibytes(10).count());
  EXPECT_EQ(info->swap_total_bytes, mebibytes(1024).count());
  EXPECT_EQ(info->swap_free_bytes, mebibytes(1000).count());
}

TEST(PeerControls, What_is_shown_is_always_as_long_and_never_below_nothing) {
  const std::string full =
      memory_info_of(mebibytes(150), mebibytes(151), mebibytes(10), mebibytes(11));
  EXPECT_THAT(full, HasSubstr("MemAvailable:             0 kB\n"));
  EXPECT_THAT(full, HasSubstr("SwapFree:                 0 kB\n"));
  EXPECT_EQ(memory_info_of(gibibytes(500), Bytes(0), gibibytes(2), Bytes(0)).size(), full.size());
}

TEST(PeerControls, A_configuration_keeps_what_is_not_changed) {
  const auto changed = with_values("# of memory\nsoft = 5 %\n\n  hard=2 %\nother = 1\n",
                                   {{"hard", "3 %"}, {"soft", "7 %"}});
  ASSERT_TRUE(changed);
  EXPECT_EQ(*changed, "soft = 7 %\nhard = 3 %\nother = 1\n");
}

TEST(PeerControls, A_configuration_of_another_version_is_refused) {
  const auto changed = with_values("soft = 5 %\n", {{"hard", "3 %"}});
  ASSERT_FALSE(changed);
  EXPECT_THAT(error_line(changed.error()), HasSubstr("no key 'hard'"));
}

}  // namespace
}  // namespace brim::thrash::live
