// SPDX-License-Identifier: Apache-2.0
#include "share/measure/mapped_frames.h"

#include "base/rng.h"

#include <array>
#include <unordered_map>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

TEST(MappedFrames, Pages_whose_frame_somebody_else_maps_are_outside) {
  MappedFrames frames;
  EXPECT_EQ(frames.outside_pages(), 0U);
  frames.add(7, 2);  // both seen, in a row
  frames.add(7, 2);
  frames.add(8, 3);  // two of three, apart
  frames.add(9, 2);  // both, apart
  frames.add(8, 3);
  frames.add(9, 2);
  EXPECT_EQ(frames.outside_pages(), 2U);
  EXPECT_EQ(frames.outside_pages(), 2U);  // asking changes nothing
}

TEST(MappedFrames, The_most_mappings_that_were_seen_count) {
  MappedFrames frames;
  frames.add(7, 2);
  frames.add(7, 5);
  frames.add(7, 3);
  EXPECT_EQ(frames.outside_pages(), 3U);
}

// More sightings than are kept before they are put together, by several threads.
TEST(MappedFrames, Order_and_threads_do_not_matter) {
  Rng rng(5);
  struct Frame {
    std::uint32_t map_count = 0;
    std::uint32_t seen = 0;
  };
  std::unordered_map<std::uint64_t, Frame> truth;
  std::vector<std::uint64_t> sightings;
  for (std::uint64_t frame = 1; frame <= 200'000; ++frame) {
    const auto map_count = static_cast<std::uint32_t>(2 + rng.below(8));
    const auto seen = static_cast<std::uint32_t>(1 + rng.below(map_count));
    const std::uint64_t number = frame << rng.below(20);
    if (!truth.emplace(number, Frame{map_count, seen}).second) continue;
    sightings.insert(sightings.end(), seen, number);
  }
  ASSERT_GT(sightings.size(), 550'000U);
  std::uint64_t outside = 0;
  for (const auto& [number, frame] : truth)
    outside += frame.seen < frame.map_count ? frame.seen : 0;
  for (const bool shuffled : {false, true}) {
    if (shuffled) rng.shuffle(std::span(sightings));
    std::array<MappedFrames, 3> threads;
    MappedFrames one;
    for (const std::uint64_t number : sightings) {
      threads[rng.below(threads.size())].add(number, truth[number].map_count);
      one.add(number, truth[number].map_count);
    }
    MappedFrames sum;
    for (const MappedFrames& thread : threads) sum += thread;
    EXPECT_EQ(sum.outside_pages(), outside);
    EXPECT_EQ(one.outside_pages(), outside);
  }
}

}  // namespace
}  // namespace brim::share
