// SPDX-License-Identifier: Apache-2.0
// What a page takes on this machine: plausible beside each other, and nothing left behind. How fast
// it is is not asserted: machines are shared.
#include "base/stats.h"
#include "host/scratch_directory.h"
#include "share_child.h"
#include "thrash/live/calibrate.h"

#include <chrono>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace brim::live {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using thrash::live::DiskEffort;
using thrash::live::MeasuredFigure;

double median_of(const std::vector<MeasuredFigure>& figures, std::string_view key) {
  for (const MeasuredFigure& figure : figures)
    if (figure.key == key) {
      EXPECT_EQ(figure.values.empty(), !figure.reason.empty()) << key;
      return figure.values.empty() ? 0 : percentile(figure.values, 50);
    }
  ADD_FAILURE() << "no figure " << key;
  return 0;
}

std::set<std::string> zram_devices() {
  std::set<std::string> names;
  std::error_code error;
  for (const auto& item : std::filesystem::directory_iterator("/sys/block", error))
    if (item.path().filename().string().starts_with("zram")) names.insert(item.path());
  return names;
}

class Calibrated : public testing::Test {
 protected:
  // Kept short: a round of 20 ms slices.
  [[nodiscard]] Result<thrash::live::DiskFigures> disk(const std::string& folder) {
    return thrash::live::measure_disk(folder, effort_, progress_, cancel_);
  }
  const DiskEffort effort_{.file = mebibytes(32), .slice = 20ms, .rounds = 1};
  const host::ScratchDirectory scratch_{"/var/tmp"};
  Progress progress_;
  Cancel cancel_;
};

TEST_F(Calibrated, A_disk_has_latencies_rates_and_channels_and_nothing_is_left_on_it) {
  const auto found = disk(scratch_.path());
  ASSERT_TRUE(found) << error_line(found.error());
  BRIM_NEEDS(!found->requests.empty(), found->figures[0].reason);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_.path()));
  EXPECT_EQ(progress_.done(), thrash::live::disk_steps(effort_));
  for (const char* rate : {"flash_read_rate", "flash_write_rate"}) {
    EXPECT_GT(median_of(found->figures, rate), 1e5) << rate;
    EXPECT_LT(median_of(found->figures, rate), 1e12) << rate;
  }
  EXPECT_GE(median_of(found->figures, "flash_channels"), 1);
  EXPECT_LE(median_of(found->figures, "flash_channels"), 32);
  ASSERT_EQ(found->requests.size(), 4U);
  for (const std::size_t short_one : {0U, 2U}) {  // and the long one after it
    const double took = percentile(found->requests[short_one].ns, 50);
    EXPECT_GT(took, 500) << "no disk answers in less";
    EXPECT_GE(found->requests[short_one].modelled_ns, 0.999 * took);
    EXPECT_GT(percentile(found->requests[short_one + 1].ns, 75), took) << "32 times as much";
  }
  EXPECT_EQ(found->depths.size(), 6U);
}

TEST_F(Calibrated, What_is_no_disk_is_not_measured_and_says_why) {
  const auto found = disk("/dev/shm");
  ASSERT_TRUE(found) << error_line(found.error());
  EXPECT_TRUE(found->requests.empty());
  ASSERT_EQ(found->figures.size(), 6U);
  for (const MeasuredFigure& figure : found->figures) {
    EXPECT_TRUE(figure.values.empty()) << figure.key;
    EXPECT_THAT(figure.reason, HasSubstr("tmpfs")) << figure.key;
  }
}

TEST_F(Calibrated, What_is_asked_to_stop_stops_and_leaves_nothing) {
  cancel_.request();
  const auto stopped = disk(scratch_.path());
  BRIM_NEEDS(!stopped, stopped->figures[0].reason);
  EXPECT_EQ(stopped.error().code, ErrorCode::interrupted);
  const auto devices = zram_devices();
  const auto zram = thrash::live::measure_zram(host::Host::open("/").value(), scratch_ / "swap",
                                               progress_, cancel_);
  EXPECT_TRUE(zram || zram.error().code == ErrorCode::interrupted);
  EXPECT_EQ(zram_devices(), devices);
}

TEST_F(Calibrated, Pages_that_were_written_more_take_more_room_in_zram) {
  const auto devices = zram_devices();
  const host::Host host = host::Host::open("/").value();
  const auto found = thrash::live::measure_zram(host, scratch_ / "swap", progress_, cancel_);
  ASSERT_TRUE(found) << error_line(found.error());
  EXPECT_EQ(zram_devices(), devices);
  BRIM_NEEDS(!found->contents.empty(), found->figures[0].reason);
  EXPECT_TRUE(std::filesystem::is_empty(scratch_ / "swap")) << "a record is left";
  double least = 0;
  for (const thrash::live::ContentFigures& content : found->contents) {
    EXPECT_GT(content.compressed_share, least) << content.writes;
    least = content.compressed_share;
  }
  EXPECT_LT(least, 1);
  EXPECT_LT(median_of(found->figures, "compress"), 1e5);
  EXPECT_LT(median_of(found->figures, "decompress"), 1e5);
}

TEST_F(Calibrated, A_request_takes_less_processor_time_than_time) {
  const auto found = disk("/var/tmp");
  ASSERT_TRUE(found) << error_line(found.error());
  BRIM_NEEDS(!found->requests.empty(), found->figures[0].reason);
  const double processor = median_of(found->figures, "swap_request");
  EXPECT_GT(processor, 100);
  EXPECT_LT(processor, percentile(found->requests[0].ns, 50));
}

TEST_F(Calibrated, A_first_touch_takes_longer_than_an_access) {
  const auto found = thrash::live::measure_memory(progress_, cancel_);
  ASSERT_TRUE(found) << error_line(found.error());
  EXPECT_GT(median_of(*found, "access"), 1);
  EXPECT_GT(median_of(*found, "minor_fault"), median_of(*found, "access"));
  EXPECT_LT(median_of(*found, "minor_fault"), 1e6);
}

}  // namespace
}  // namespace brim::live
