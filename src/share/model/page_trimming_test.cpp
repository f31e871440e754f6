// SPDX-License-Identifier: Apache-2.0
#include "share/model/page_trimming.h"

#include "share/model/test_mechanisms.h"

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

// 10 pages a second over 20 pages, of which the even ones hold zeros: after 1 s 5 are trimmed,
// after 2 s 10. The odd ones, all equal, stay.
TEST(PageTrimmingTest, Pages_of_zeros_lose_their_frames_as_the_scan_comes_to_them) {
  SimulatedMemory memory;
  PageTrimming trimming(memory, 10, Costs{.comparison = 1us});
  trimming.add(memory.add_guest(Pages(30)));  // the last ten untouched
  for (Page page = 0; page < 20; ++page) memory.write(page, content(page % 2 == 0 ? 0 : 7));
  trimming.run(1s);
  EXPECT_EQ(memory.totals().pages_on_zero_frame, 5u);
  trimming.run(2s);
  EXPECT_EQ(memory.totals().pages_on_zero_frame, 10u);
  EXPECT_EQ(memory.totals().frames(), 10u);
  EXPECT_EQ(trimming.work().visits, 20u) << "untouched pages take no time";
  EXPECT_EQ(trimming.cpu_time(), 10us);
  expect_sound(memory);
}

TEST(PageTrimmingTest, A_write_gives_a_frame_back_and_a_page_zero_again_is_trimmed_again) {
  SimulatedMemory memory;
  PageTrimming trimming(memory, 1, Costs{});
  trimming.add(memory.add_guest(Pages(1)));
  memory.write(0, kZeroContent);
  trimming.run(1s);
  EXPECT_EQ(memory.totals().frames(), 0u);
  memory.write(0, kZeroContent);
  EXPECT_EQ(memory.frame(0), kOwnFrame);
  EXPECT_EQ(memory.totals().copies_on_write, 1u);
  trimming.run(2s);
  EXPECT_EQ(memory.totals().frames(), 0u);
}

TEST(PageTrimmingTest, A_host_without_any_page_present_is_left_at_once) {
  SimulatedMemory memory;
  PageTrimming trimming(memory, 1e9, Costs{});
  trimming.run(1s);
  trimming.add(memory.add_guest(Pages(10)));
  trimming.run(2s);
  EXPECT_EQ(trimming.work().visits, 0u);
}

}  // namespace
}  // namespace brim::share::model
