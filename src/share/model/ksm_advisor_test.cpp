// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm_advisor.h"

#include "share/model/ksm.h"

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

// By hand after mm/ksm.c, with the default target of 200 s. Scan 1 of 500 pages a batch: 400 s, 40
// s of CPU (10 %). factor = 20000 / 400 = 50; change = 0.3 x 100 = 30; 500 x 100 / 50 = 1000, x 30
// % = 300; but 10 % of a processor, the least, are worth 500 / 10 x 10 = 500. Scan 2, alike: change
// = 0.7 x 30 + 0.3 x 100 = 51; 1000 x 51 % = 510. Scan 3: 392 s. factor = 51; change = 0.7 x 51 +
// 0.3 x 98 = 65; 510 x 100 / 51 x 65 % = 650.
TEST(KsmAdvisorTest, Follows_the_kernels_arithmetic) {
  KsmAdvisor advisor{KsmAdvisorKnobs{}};
  advisor.scan_began(0s);
  EXPECT_EQ(advisor.scan_ended(400s, 40s, 500), 500u);
  advisor.scan_began(400s);
  EXPECT_EQ(advisor.scan_ended(800s, 80s, 500), 510u);
  advisor.scan_began(800s);
  EXPECT_EQ(advisor.scan_ended(1192s, 120s, 510), 650u);
}

// 1,000 pages a batch take 100 s and 90 % of a processor. The target of 10 s asks for 10,000, of
// which 30 %; 70 % of a processor are worth 1000 / 90 x 70 = 770.
TEST(KsmAdvisorTest, Stays_within_the_processor_time_and_the_pages_allowed) {
  KsmAdvisorKnobs knobs;
  knobs.target_scan_time = 10s;
  KsmAdvisor advisor(knobs);
  EXPECT_EQ(advisor.scan_ended(100s, 90s, 1000), 770u);
  knobs.max_pages_to_scan = 600;
  KsmAdvisor limited(knobs);
  EXPECT_EQ(limited.scan_ended(100s, 90s, 1000), 600u);
}

TEST(KsmAdvisorTest, Scans_of_no_time_do_not_divide_by_it) {
  KsmAdvisor advisor{KsmAdvisorKnobs{}};
  EXPECT_EQ(advisor.scan_ended(0s, 0s, 1), 10u);
}

// 200,000 pages, 20 ms of sleep, 10 us a page. 2,000 pages a batch (100 batches of 40 ms) would
// take 4 s.
TEST(KsmAdvisorTest, Brings_full_scans_of_ksm_near_the_target) {
  SimulatedMemory memory;
  const auto pages = memory.add_guest(Pages(20'000));
  for (Page page = 0; page < pages.end; ++page) memory.write(page, Content{1 + page});
  KsmKnobs knobs;
  knobs.advisor = KsmAdvisorKnobs{.target_scan_time = 8s};
  Costs costs;
  costs.visit = 100us;
  Ksm ksm(memory, knobs, costs);
  EXPECT_EQ(ksm.knobs().pages_to_scan, 500u);
  ksm.add(pages);
  ksm.run(300s);
  const std::uint64_t before = ksm.counters().full_scans;
  ksm.run(500s);
  const double scan_time = 200.0 / static_cast<double>(ksm.counters().full_scans - before);
  EXPECT_GT(scan_time, 6);
  EXPECT_LT(scan_time, 10);
  KsmKnobs other = ksm.knobs();
  const std::uint64_t advised = other.pages_to_scan;
  other.pages_to_scan = 7;
  ksm.set(other);
  EXPECT_EQ(ksm.knobs().pages_to_scan, advised) << "the kernel refuses it while advised";
  other.advisor.reset();
  ksm.set(other);
  EXPECT_EQ(ksm.knobs().pages_to_scan, 7u);
}

}  // namespace
}  // namespace brim::share::model
