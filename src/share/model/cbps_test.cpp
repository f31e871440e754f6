// SPDX-License-Identifier: Apache-2.0
#include "share/model/cbps.h"

#include "share/model/test_mechanisms.h"

#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

class CbpsTest : public testing::Test {
 protected:
  void start(const std::vector<std::uint64_t>& contents) {
    const auto pages = memory_.add_guest(Pages(contents.size()));
    for (std::size_t i = 0; i < contents.size(); ++i)
      memory_.write(static_cast<Page>(i), content(contents[i]));
    cbps_.add(pages);
  }

  SimulatedMemory memory_;
  Cbps cbps_{memory_, 1, Costs{.checksum = std::chrono::microseconds(3)}};  // a page a second
};

// Waldspurger 2002, section 4.1. One round: 5 hashes; page 2 is compared with page 0 and shares its
// frame, page 4 with that frame. In the next only pages 1 and 3 are hashed again: 7 in all, 3 us
// each.
TEST_F(CbpsTest, Equal_pages_share_a_frame_in_the_first_round) {
  start({7, 8, 7, 9, 7});
  cbps_.run(5s);
  EXPECT_EQ(memory_.totals().saved_pages(), 2u);
  EXPECT_EQ(cbps_.work().checksums, 5u);
  EXPECT_EQ(cbps_.work().confirmations, 2u);
  EXPECT_EQ(cbps_.work().merges, 3u);
  cbps_.run(10s);
  EXPECT_EQ(cbps_.work().visits, 10u);
  EXPECT_EQ(cbps_.cpu_time(), 21us);
  expect_sound(memory_);
}

// Page 0 was hashed as 7, and is 8 when page 1 comes to it.
TEST_F(CbpsTest, A_candidate_that_has_changed_is_compared_in_vain) {
  start({7, 7});
  cbps_.run(1s);
  memory_.write(0, content(8));
  cbps_.run(2s);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  EXPECT_EQ(cbps_.work().comparisons, 1u);
  EXPECT_EQ(cbps_.work().confirmations, 0u);
}

// Page 3, hashed in the first round, is forgotten in the second, when page 0 has become equal.
TEST_F(CbpsTest, Candidates_are_forgotten_when_the_round_is_over) {
  start({1, 2, 3, 4});
  cbps_.run(4s);
  memory_.write(0, content(4));
  cbps_.run(5s);
  EXPECT_EQ(memory_.totals().saved_pages(), 0u);
  cbps_.run(8s);
  EXPECT_EQ(memory_.frame(0), memory_.frame(3));
}

TEST_F(CbpsTest, A_frame_all_pages_have_left_is_not_joined_though_its_number_is_used_again) {
  start({5, 5, 6, 6});
  cbps_.run(2s);
  memory_.write(0, content(10));
  memory_.write(1, content(5));
  cbps_.run(8s);  // 6's frame has the number 5's had
  EXPECT_EQ(memory_.frame(2), memory_.frame(3));
  EXPECT_EQ(memory_.frame(1), kOwnFrame);
  expect_sound(memory_);
}

}  // namespace
}  // namespace brim::share::model
