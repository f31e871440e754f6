// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of simulated mechanisms have in common.

#include "base/rng.h"
#include "share/model/memory.h"

#include <map>
#include <set>

#include <gtest/gtest.h>

namespace brim::share::model::test {

inline Content content(std::uint64_t number) { return Content{number}; }

// The invariants of memory.h, and what nothing could be saved beyond: one frame a content, of pages
// that are not stored.
inline void expect_sound(const SimulatedMemory& memory) {
  std::uint64_t own = 0;
  std::uint64_t on_zero = 0;
  std::uint64_t stored = 0;
  struct Users {
    std::uint32_t pages = 0;
    std::uint32_t patches = 0;
  };
  std::map<Frame, Users> shared;
  std::set<Content> contents;
  for (Page page = 0; page < memory.page_count(); ++page) {
    const Frame frame = memory.frame(page);
    if (frame == kNoFrame) continue;
    own += frame == kOwnFrame ? 1 : 0;
    on_zero += frame == kZeroFrame ? 1 : 0;
    stored += memory.stored(page) ? 1 : 0;
    if (frame == kPatched) ++shared[memory.reference(page)].patches;
    if (frame == kZeroFrame) {
      EXPECT_EQ(memory.content(page), kZeroContent);
    }
    if (frame == kOwnFrame || frame >= kFirstShared) contents.insert(memory.content(page));
    if (frame < kFirstShared) continue;
    EXPECT_EQ(memory.content(page), memory.content_of(frame)) << "one frame, two contents";
    ++shared[frame].pages;
  }
  std::uint64_t on_shared = 0;
  for (const auto& [frame, users] : shared) {
    EXPECT_EQ(memory.pages_on(frame), users.pages);
    EXPECT_EQ(memory.patches_on(frame), users.patches);
    on_shared += users.pages;
  }
  const SimulatedMemory::Totals& totals = memory.totals();
  EXPECT_EQ(totals.own_frames, own);
  EXPECT_EQ(totals.pages_on_zero_frame, on_zero);
  EXPECT_EQ(totals.shared_frames, shared.size());
  EXPECT_EQ(totals.pages_on_shared_frames, on_shared);
  EXPECT_EQ(totals.patched_pages + totals.compressed_pages, stored);
  EXPECT_LE(totals.stored_bytes, stored * kPageSize);
  EXPECT_EQ(totals.present_pages(), own + on_zero + on_shared + stored);
  EXPECT_EQ(totals.frames() + totals.saved_pages(), totals.present_pages());
  EXPECT_GE(totals.frames(), contents.size());
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
