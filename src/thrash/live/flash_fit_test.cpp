// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/flash_fit.h"

#include "thrash/model/swap_device.h"

#include <array>
#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::live {
namespace {

unsigned enough_at(const std::vector<double>& pages_per_s) {
  std::vector<Throughput> tried;
  unsigned requests = 1;
  for (const double rate : pages_per_s) {
    tried.push_back({requests, rate});
    requests *= 2;
  }
  return where_more_bring_little(tried).requests;
}

TEST(FlashChannels, Are_where_throughput_stops_growing) {
  EXPECT_EQ(enough_at({10, 20, 40, 41, 42, 43}), 4U);
  EXPECT_EQ(enough_at({10, 20, 40, 80, 160, 320}), 32U);
  EXPECT_EQ(enough_at({10, 10, 9, 8, 8, 7}), 1U);
}

TEST(FlashChannels, A_tenth_more_is_not_worth_another_channel_and_a_little_above_it_is) {
  EXPECT_EQ(enough_at({100, 110}), 1U);
  EXPECT_EQ(enough_at({100, 110.5}), 2U);
}

TEST(FlashChannels, One_slow_try_does_not_hide_what_more_requests_bring) {
  EXPECT_EQ(enough_at({100, 101, 400}), 4U);
  EXPECT_EQ(enough_at({100, 109, 118}), 2U) << "118 is more than a tenth above 100, not above 109";
}

TEST(FlashChannels, Are_as_many_as_were_tried_where_requests_do_not_disturb_each_other) {
  // 100 us alone, and four at a time bring four times as much.
  EXPECT_EQ(channels_of({4, 40000}, 100000), 4);
}

TEST(FlashChannels, Are_fewer_where_requests_beside_each_other_take_longer) {
  EXPECT_EQ(channels_of({32, 65000}, 46000), 3);
  EXPECT_EQ(channels_of({32, 5000}, 46000), 1);
  EXPECT_EQ(channels_of({2, 65000}, 46000), 2) << "never more than were tried";
}

TEST(FlashLatency, Is_what_the_share_of_the_bandwidth_leaves) {
  // 4,096 bytes at an eighth of 500 MB/s: 65.536 us.
  EXPECT_NEAR(latency_without_transfer(165536, 8, 500e6), 100000, 0.5);
  EXPECT_EQ(latency_without_transfer(65000, 8, 500e6), 0);
}

// What was fitted is what the model does with it.
TEST(FlashFit, Reckons_as_the_models_device) {
  const FlashFit fit{.channels = 8, .latency_ns = 100000, .bytes_per_s = 500e6};
  for (const std::uint32_t pages : {1U, 8U, 32U}) {
    const auto device = model::make_device({Pages(1000), model::kSataFlash});
    EXPECT_FALSE(device->submit({model::Transfer::in, 0, pages}, model::ModelTime(0)).done);
    EXPECT_NEAR(fit.request_ns(pages), static_cast<double>(device->next_completion().count()), 2);
  }
}

TEST(FlashFit, One_page_alone_takes_what_it_was_fitted_to_whatever_the_channels) {
  for (const double channels : {1.0, 4.0, 32.0}) {
    constexpr double kTook = 70000;
    constexpr double kRate = 2e9;
    const FlashFit fit{channels, latency_without_transfer(kTook, channels, kRate), kRate};
    EXPECT_NEAR(fit.request_ns(1), kTook, 1e-6);
    EXPECT_NEAR(fit.pages_per_s(1), 1e9 / kTook, 1e-6);
    EXPECT_NEAR(fit.pages_per_s(64), channels * fit.pages_per_s(1), 1e-3);
  }
}

}  // namespace
}  // namespace brim::thrash::live
