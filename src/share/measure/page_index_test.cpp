// SPDX-License-Identifier: Apache-2.0
#include "share/measure/page_index.h"

#include "base/rng.h"

#include <map>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

PageHash hash_number(std::uint64_t number) {
  Rng rng(number);
  const std::uint64_t low = rng.next();
  return {low, rng.next()};
}

PageIndex must_create(const PageIndex::Options& options) {
  auto index = PageIndex::create(options);
  if (!index) throw std::runtime_error(error_line(index.error()));
  return std::move(*index);
}

struct Held {
  std::uint64_t copies = 0;
  std::map<std::uint32_t, std::uint32_t> members;
  bool operator==(const Held&) const = default;
};

std::map<PageHash, Held> contents_of(const PageIndex& index) {
  std::map<PageHash, Held> contents;
  for (std::size_t shard = 0; shard < PageIndex::kShards; ++shard)
    index.for_each(shard, [&](const PageIndex::Content& content) {
      Held held{content.copies, {}};
      for (const auto& member : content.members) held.members[member.subject] += member.copies;
      EXPECT_TRUE(contents.emplace(content.hash, held).second);
    });
  return contents;
}

// Content i comes in subjects 0 .. i % 4, in each 1 + i % 3 times.
constexpr std::uint64_t kContentCount = 40000;

void add_subject(PageIndex& index, std::uint32_t subject, std::uint64_t first, std::uint64_t step) {
  for (std::uint64_t i = first; i < kContentCount; i += step)
    for (std::uint64_t copy = 0; subject <= i % 4 && copy <= i % 3; ++copy) {
      PageIndex::Page page;
      page.hash = hash_number(i);
      page.subject = subject;
      index.prefetch(page.hash);
      (void)index.add(page);
    }
}

void expect_all(const PageIndex& index) {
  const auto contents = contents_of(index);
  ASSERT_EQ(contents.size(), kContentCount);
  for (std::uint64_t i = 0; i < kContentCount; ++i) {
    Held expected;
    for (std::uint32_t s = 0; s <= i % 4; ++s) {
      expected.members[s] = static_cast<std::uint32_t>(1 + i % 3);
      expected.copies += 1 + i % 3;
    }
    const auto found = contents.find(hash_number(i));
    ASSERT_NE(found, contents.end()) << i;
    ASSERT_EQ(found->second, expected) << i;
  }
}

TEST(Page_index, Keeps_every_content_when_it_grows_far_beyond_what_was_expected) {
  PageIndex index = must_create({.expected_contents = 10});
  const std::uint64_t before = index.memory_bytes();
  for (std::uint32_t subject = 0; subject < 4; ++subject) add_subject(index, subject, 0, 1);
  expect_all(index);
  EXPECT_GT(index.memory_bytes(), before);
  EXPECT_GE(index.memory_bytes(), kContentCount * 24);
}

TEST(Page_index, Keeps_every_content_when_several_threads_make_it_grow) {
  PageIndex index = must_create({.expected_contents = 10, .concurrent = true});
  {
    constexpr std::uint64_t kThreads = 4;
    std::vector<std::jthread> threads;
    for (std::uint64_t t = 0; t < kThreads; ++t)
      threads.emplace_back([&index, t] {
        for (std::uint32_t subject = 0; subject < 4; ++subject)
          add_subject(index, (subject + t) % 4, t, kThreads);
      });
    // Two more at the same contents: copies of one content come from several threads.
    for (std::uint64_t t = 0; t < 2; ++t)
      threads.emplace_back([&index, t] {
        for (std::uint64_t i = t; i < kContentCount; i += 2) {
          PageIndex::Page page;
          page.hash = hash_number(i);
          page.subject = 9;
          (void)index.add(page);
        }
      });
  }
  const auto contents = contents_of(index);
  ASSERT_EQ(contents.size(), kContentCount);
  for (std::uint64_t i = 0; i < kContentCount; ++i) {
    const Held& held = contents.at(hash_number(i));
    ASSERT_EQ(held.copies, (1 + i % 3) * (i % 4 + 1) + 1) << i;
    ASSERT_EQ(held.members.size(), i % 4 + 2) << i;
    ASSERT_EQ(held.members.at(9), 1) << i;
  }
}

TEST(Page_index, Of_the_size_expected_does_not_grow) {
  constexpr std::uint64_t kExpected = 200000;
  PageIndex index = must_create({.expected_contents = kExpected});
  const std::uint64_t before = index.memory_bytes();
  for (std::uint64_t i = 0; i < kExpected; ++i) {
    PageIndex::Page page;
    page.hash = hash_number(i);
    (void)index.add(page);
  }
  EXPECT_EQ(index.memory_bytes(), before);
  EXPECT_LE(static_cast<double>(before) / kExpected, 32);
}

TEST(Page_index, First_locations_survive_growth) {
  PageIndex index = must_create({.expected_contents = 1, .locations = true});
  for (std::uint64_t i = 0; i < 20000; ++i) {
    PageIndex::Page page;
    page.hash = hash_number(i);
    page.location = 1000 + i;
    EXPECT_FALSE(index.first_location(page.hash));
    EXPECT_EQ(index.add(page).copies, 1);
  }
  for (std::uint64_t i = 0; i < 20000; ++i) {
    ASSERT_EQ(index.first_location(hash_number(i)), 1000 + i);
    PageIndex::Page again;
    again.hash = hash_number(i);
    again.location = 7;
    const auto asked = index.add(again);
    ASSERT_EQ(asked.confirm_with, 1000 + i);
    ASSERT_EQ(asked.copies, 0);
    again.confirmed = asked.confirm_with;
    ASSERT_EQ(index.add(again).copies, 2);
  }
}

}  // namespace
}  // namespace brim::share
