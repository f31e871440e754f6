// SPDX-License-Identifier: Apache-2.0
// A scan of memory that KSM has merged against what was planted in it: the potential is exact, and
// merged pages are counted as merged.
#include "host/frame_table.h"
#include "planted_memory.h"

#include <array>
#include <bit>
#include <thread>

namespace brim::live {
namespace {

TEST_F(ShareKsm, Merged_pages_are_counted_as_merged_and_the_rest_adds_up) {
  const KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = map_anonymous(kBytes);
  std::vector<std::unique_ptr<Child>> children;
  for (std::uint64_t number = 0; number < 2; ++number) {
    children.push_back(std::make_unique<Child>([&] {
      ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
      plant(memory, number);
      ::madvise(memory, kBytes, MADV_MERGEABLE);
    }));
  }
  ASSERT_TRUE(eventually([&] {
    return merged_pages(children[0]->pid()) + merged_pages(children[1]->pid()) >= 2 * kEqual;
  }));
  const Setting still("/sys/kernel/mm/ksm/run", "0");
  std::vector<std::unique_ptr<share::Subject>> subjects;
  subjects.reserve(children.size());
  for (const auto& child : children) subjects.push_back(planted_memory(child->pid(), memory));
  const share::ScanResult result = scan(std::move(subjects));
  ASSERT_TRUE(result.has_facts) << result.why_no_facts;
  expect_planted_potential(result);
  EXPECT_GE(result.real.merged_pages, 2 * kEqual - 10);
  EXPECT_LE(result.real.merged_pages, 2 * kEqual);
  // max_page_sharing bounds how many pages a KSM frame stands for.
  EXPECT_EQ(result.real.ksm_saved_pages, result.real.merged_pages - result.real.ksm_frames);
  EXPECT_GE(result.real.saved_pages, 2 * kEqual - 10 - 20);
  ASSERT_TRUE(result.efficiency_percent.has_value());
  EXPECT_GT(*result.efficiency_percent, 95);
  EXPECT_GE(under(result, Cause::max_page_sharing) + 10, result.unrealized_pages);
  ::munmap(memory, kBytes);
}

// Frames of neighbours are not always looked at: what is said of them must be what their flags say.
TEST_F(ShareKsm, What_is_said_of_a_frame_is_what_its_flags_say) {
  const KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = map_anonymous(kBytes);
  const Child child([&] {
    ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
    ::madvise(memory, kBytes, MADV_MERGEABLE);
    for (std::uint64_t page = 0; page < kEqual + kUnique; ++page)  // three times two of each
      fill_page(memory + page * kPageSize, 1 + page % (kEqual / 2) / 2);
    volatile char seen = 0;
    for (std::uint64_t page = kEqual + kUnique; page < kAll; ++page)  // never written to
      seen = static_cast<char>(memory[page * kPageSize]);
    (void)seen;
  });
  ASSERT_TRUE(eventually([&] { return merged_pages(child.pid()) >= kEqual; }));
  const Setting still("/sys/kernel/mm/ksm/run", "0");
  const auto subject = planted_memory(child.pid(), memory);
  ASSERT_NE(subject, nullptr);
  const auto table = host::FrameTable::open(*host::Host::open("/"));
  ASSERT_TRUE(table.has_value());
  const auto reader = *subject->reader();
  std::uint64_t ksm_pages = 0;
  std::uint64_t zero_pages = 0;
  for (const share::Part& part : subject->parts())
    ASSERT_TRUE(reader->read(part, [&](const share::PageBatch& batch) {
      for (const share::PageFacts& facts : batch.facts) {
        const HostFrame frame(facts.frame);
        std::uint64_t flags = 0;
        std::uint64_t count = 0;
        ASSERT_TRUE(table->read(std::span(&frame, 1), std::span(&flags, 1), std::span(&count, 1)));
        EXPECT_EQ(facts.ksm, host::has(flags, host::PageFlag::ksm)) << facts.frame;
        EXPECT_EQ(facts.zero_frame, host::has(flags, host::PageFlag::zero_page)) << facts.frame;
        EXPECT_EQ(facts.huge, false);
        EXPECT_TRUE(!facts.ksm || facts.map_count == count) << facts.frame;
        ksm_pages += facts.ksm ? 1 : 0;
        zero_pages += facts.zero_frame ? 1 : 0;
      }
    }));
  EXPECT_GE(ksm_pages, kEqual);
  EXPECT_EQ(zero_pages, kZero);
  ::munmap(memory, kBytes);
}

// For ever: marks one page in 64 after the other with its own number, which takes it out of its
// frame, and takes the mark away again: slowly, for ksmd to take it back in.
void mark_pages_in_turn(std::byte* memory) {
  constexpr std::uint64_t kStep = 64;  // of pages read at once the first is read for all
  constexpr auto kPause = std::chrono::milliseconds(1);
  std::uint64_t unmarked = 0;
  std::memcpy(&unmarked, memory, sizeof unmarked);
  const std::uint64_t aligned =
      kStep - reinterpret_cast<std::uintptr_t>(memory) / kPageSize % kStep;
  for (std::uint64_t page = aligned;; page = page + kStep < kAll ? page + kStep : aligned) {
    std::byte* const at = memory + page * kPageSize;
    std::memcpy(at, &page, sizeof page);
    std::this_thread::sleep_for(kPause);
    std::memcpy(at, &unmarked, sizeof unmarked);
    std::this_thread::sleep_for(kPause);
  }
}

// Of pages in one frame only the first is read; one that left it just before must not speak for the
// rest.
TEST_F(ShareKsm, A_page_is_never_said_to_hold_what_only_another_held) {
  const KsmRunning ksm;
  BRIM_NEEDS(ksm.works(), "this kernel has no KSM");
  std::byte* const memory = map_anonymous(kBytes);
  const Child child([&] {
    ::madvise(memory, kBytes, MADV_NOHUGEPAGE);
    for (std::uint64_t page = 0; page < kAll; ++page) fill_page(memory + page * kPageSize, 1);
    ::madvise(memory, kBytes, MADV_MERGEABLE);
    std::thread(mark_pages_in_turn, memory).detach();
  });
  ASSERT_TRUE(eventually([&] { return merged_pages(child.pid()) > kAll / 2; }));
  const auto subject = planted_memory(child.pid(), memory);
  ASSERT_NE(subject, nullptr);
  const auto reader = *subject->reader();
  std::array<std::byte, kPageSize> page{};
  fill_page(page.data(), 1);
  std::uint64_t unmarked = 0;
  std::memcpy(&unmarked, page.data(), sizeof unmarked);
  const std::uint64_t first_page = reinterpret_cast<std::uint64_t>(memory) / kPageSize;
  std::uint64_t copies = 0;
  std::uint64_t wrong = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end)
    for (const share::Part& part : subject->parts())
      ASSERT_TRUE(reader->read(part, [&](const share::PageBatch& batch) {
        copies += static_cast<std::uint64_t>(std::popcount(batch.copies));
        for (std::size_t i = 0; i < batch.count(); ++i) {
          std::uint64_t told = 0;
          std::memcpy(&told, batch.bytes.data() + i * kPageSize, sizeof told);
          wrong += told != unmarked && told != batch.first_page + i - first_page ? 1 : 0;
        }
      }));
  EXPECT_GT(copies, kAll);
  EXPECT_EQ(wrong, 0U);
  ::munmap(memory, kBytes);
}

}  // namespace
}  // namespace brim::live
