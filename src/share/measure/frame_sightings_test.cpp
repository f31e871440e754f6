// SPDX-License-Identifier: Apache-2.0
#include "share/measure/frame_sightings.h"

#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

constexpr std::uint64_t kChunkFrames = 1ULL << 24;
constexpr std::uint64_t kFrameLimit = 1ULL << 40;

TEST(Frame_sightings, A_frame_is_new_once) {
  FrameSightings frames;
  for (const std::uint64_t frame : {std::uint64_t{1}, std::uint64_t{63}, std::uint64_t{64},
                                    kChunkFrames - 1, kChunkFrames, kFrameLimit - 1}) {
    EXPECT_TRUE(frames.first_sight(frame)) << frame;
    EXPECT_FALSE(frames.first_sight(frame)) << frame;
  }
}

TEST(Frame_sightings, Neighbours_are_told_apart_across_chunks) {
  FrameSightings frames;
  for (std::uint64_t frame = kChunkFrames - 200; frame < kChunkFrames + 200; frame += 2)
    EXPECT_TRUE(frames.first_sight(frame));
  for (std::uint64_t frame = kChunkFrames - 200; frame < kChunkFrames + 200; ++frame)
    EXPECT_EQ(frames.first_sight(frame), frame % 2 == 1) << frame;
}

TEST(Frame_sightings, Unknown_and_impossible_frames_are_always_new) {
  FrameSightings frames;
  const std::uint64_t empty = frames.memory_bytes();
  for (const std::uint64_t frame : {std::uint64_t{0}, kFrameLimit, ~std::uint64_t{0}})
    for (int time = 0; time < 3; ++time) EXPECT_TRUE(frames.first_sight(frame)) << frame;
  EXPECT_EQ(frames.memory_bytes(), empty);
}

TEST(Frame_sightings, Memory_grows_by_the_chunks_touched) {
  FrameSightings frames;
  const std::uint64_t empty = frames.memory_bytes();
  (void)frames.first_sight(1);
  (void)frames.first_sight(kChunkFrames - 1);
  const std::uint64_t one = frames.memory_bytes() - empty;
  EXPECT_EQ(one, kChunkFrames / 8);
  (void)frames.first_sight(5 * kChunkFrames);
  EXPECT_EQ(frames.memory_bytes() - empty, 2 * one);
}

TEST(Frame_sightings, Of_several_threads_one_is_first) {
  FrameSightings frames;
  constexpr std::uint64_t kFrames = 200000;
  std::vector<std::uint64_t> first(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(first.size());
    for (std::uint64_t& count : first)
      threads.emplace_back([&frames, &count] {
        // Every 41st, so that chunks are made by all at once.
        for (std::uint64_t i = 1; i <= kFrames; ++i) count += frames.first_sight(i * 41) ? 1 : 0;
      });
  }
  EXPECT_EQ(first[0] + first[1] + first[2] + first[3], kFrames);
}

}  // namespace
}  // namespace brim::share
