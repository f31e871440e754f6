// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/peer_controls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

using testing::HasSubstr;

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
