// SPDX-License-Identifier: Apache-2.0
#pragma once
// What tests of one process's memory have in common: a policy, flash, and the time.

#include "thrash/model/memory_manager.h"
#include "thrash/model/test_machines.h"

#include <vector>

#include <gtest/gtest.h>

namespace brim::thrash::model::test {

class Told final : public MemoryListener {
 public:
  void page_arrived(SpaceNumber /*space*/) override { ++arrived; }
  void frame_freed() override { ++freed; }
  void unsettled(SpaceNumber /*space*/) override { ++unsettled_count; }

  int arrived = 0;
  int freed = 0;
  int unsettled_count = 0;
};

inline MemoryShape shape_of(std::uint64_t frames, const char* policy = "fifo") {
  MemoryShape shape;
  shape.frames = Pages(frames);
  shape.replacement = by_name(policy);
  shape.swap = {Pages(1024), kSataFlash};
  shape.batch = 1;
  return shape;
}

// One process's memory, and the time.
struct Memory {
  explicit Memory(const MemoryShape& shape, std::uint32_t pages = 64)
      : manager(shape, std::vector<SpacePlan>{{.pages = pages}}, told, Rng(1)) {}

  Touch touch(std::uint32_t page, Access access) { return manager.touch(0, {page, access}, now); }
  void finish() {
    while (manager.next_completion() != kNever) {
      now = manager.next_completion();
      manager.complete(now);
      ASSERT_EQ(manager.inconsistency(), "");
    }
  }
  // As a process would: until the access is made.
  void make(std::uint32_t page, Access access) {
    for (int i = 0; i < 100; ++i) {
      const Outcome outcome = touch(page, access).outcome;
      finish();
      if (outcome <= Outcome::waits_for_page) return;
    }
    FAIL() << "page " << page;
  }

  Told told;
  MemoryManager manager;
  ModelTime now{0};
};

}  // namespace brim::thrash::model::test
