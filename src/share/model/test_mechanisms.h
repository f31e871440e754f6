// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of simulated mechanisms have in common.

#include "base/rng.h"
#include "share/model/memory.h"

#include <map>
#include <set>
#include <utility>

#include <gtest/gtest.h>

namespace brim::share::model::test {

inline Content content(std::uint64_t number) { return Content{number}; }

// The invariants of memory.h, and what nothing could be saved beyond: one frame a content.
inline void expect_sound(const SimulatedMemory& memory) {
  std::uint64_t own = 0;
  std::uint64_t on_zero = 0;
  std::uint64_t present = 0;
  std::map<Frame, std::pair<Content, std::uint32_t>> shared;
  std::set<Content> contents;
  for (Page page = 0; page < memory.page_count(); ++page) {
    const Frame frame = memory.frame(page);
    if (frame == kNoFrame) continue;
    ++present;
    contents.insert(memory.content(page));
    own += frame == kOwnFrame ? 1 : 0;
    on_zero += frame == kZeroFrame ? 1 : 0;
    if (frame == kZeroFrame) {
      EXPECT_EQ(memory.content(page), kZeroContent);
    }
    if (frame < kFirstShared) continue;
    const auto [entry, first] = shared.try_emplace(frame, memory.content(page), 0);
    EXPECT_EQ(entry->second.first, memory.content(page)) << "one frame, two contents";
    ++entry->second.second;
  }
  std::uint64_t on_shared = 0;
  for (const auto& [frame, pages] : shared) {
    EXPECT_EQ(memory.pages_on(frame), pages.second);
    on_shared += pages.second;
  }
  const SimulatedMemory::Totals& totals = memory.totals();
  EXPECT_EQ(totals.own_frames, own);
  EXPECT_EQ(totals.pages_on_zero_frame, on_zero);
  EXPECT_EQ(totals.shared_frames, shared.size());
  EXPECT_EQ(totals.pages_on_shared_frames, on_shared);
  EXPECT_EQ(totals.present_pages(), present);
  EXPECT_EQ(totals.frames() + totals.saved_pages(), present);
  EXPECT_LE(totals.saved_pages(),
            present - contents.size() + (contents.contains(kZeroContent) ? 1 : 0));
}

// Pages that one frame a content would save.
inline std::uint64_t potential(const SimulatedMemory& memory) {
  std::set<Content> contents;
  std::uint64_t present = 0;
  for (Page page = 0; page < memory.page_count(); ++page) {
    if (!memory.present(page)) continue;
    ++present;
    contents.insert(memory.content(page));
  }
  return present - contents.size();
}

// `count` pages of `kinds` contents at random, none of them zero.
inline void fill(SimulatedMemory& memory, SimulatedMemory::Range pages, std::uint64_t kinds,
                 Rng& rng) {
  for (Page page = pages.first; page < pages.end; ++page)
    memory.write(page, content(1 + rng.below(kinds)));
}

}  // namespace brim::share::model::test
