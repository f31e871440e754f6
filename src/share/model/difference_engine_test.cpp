// SPDX-License-Identifier: Apache-2.0
#include "share/model/difference_engine.h"

#include "share/model/test_mechanisms.h"

#include <algorithm>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using test::content;
using test::expect_sound;
using namespace std::chrono_literals;  // NOLINT: literals

// Contents 100 to 199 resemble each other: a patch takes 500 bytes. 200 to 299 do, too, but a patch
// takes 3,000. Odd contents compress to 1,000 bytes, even ones not at all.
class Hundreds final : public ContentCatalogue {
 public:
  [[nodiscard]] SimilarityKeys keys(Content content) const override {
    const std::uint64_t hundred = static_cast<std::uint64_t>(content) / 100;
    return {hundred == 1 || hundred == 2 ? SimilarityKey{hundred} : kNoKey, kNoKey};
  }
  [[nodiscard]] Bytes patch(Content content, Content reference) const override {
    EXPECT_EQ(keys(content), keys(reference));
    return Bytes(static_cast<std::uint64_t>(content) / 100 == 1 ? 500 : 3000);
  }
  [[nodiscard]] Bytes compressed(Content content) const override {
    return Bytes(static_cast<std::uint64_t>(content) % 2 == 1 ? 1000 : kPageSize);
  }
};

// Contents of three digits: those with the same first digit have one block in common, those with
// the same second digit another. A patch takes 100 bytes, and 100 for each that the last digits are
// apart. Nothing compresses.
class Digits final : public ContentCatalogue {
 public:
  [[nodiscard]] SimilarityKeys keys(Content content) const override {
    const auto number = static_cast<std::uint64_t>(content);
    return {SimilarityKey{number / 100}, SimilarityKey{10 + number / 10 % 10}};
  }
  [[nodiscard]] Bytes patch(Content content, Content reference) const override {
    const auto last = [](Content one) { return static_cast<std::uint64_t>(one) % 10; };
    const auto [low, high] = std::minmax({last(content), last(reference)});
    return Bytes(100 + 100 * (high - low));
  }
  [[nodiscard]] Bytes compressed(Content /*content*/) const override { return Bytes(kPageSize); }
};

// One page a second; a round takes as many seconds as there are pages.
class DifferenceEngineTest : public testing::Test {
 protected:
  explicit DifferenceEngineTest(
      const std::shared_ptr<const ContentCatalogue>& contents = std::make_shared<Hundreds>(),
      const DifferenceEngineKnobs& knobs = {.pages_per_s = 1})
      : engine_(memory_, contents, knobs, Costs{}) {}
  void start(const std::vector<std::uint64_t>& contents) {
    const auto pages = memory_.add_guest(Pages(contents.size()));
    for (std::size_t i = 0; i < contents.size(); ++i)
      memory_.write(static_cast<Page>(i), content(contents[i]));
    engine_.add(pages);
  }
  void rounds(int count) {
    rounds_ += count;
    engine_.run(rounds_ * memory_.page_count() * 1s);
    expect_sound(memory_);
  }

  SimulatedMemory memory_;
  DifferenceEngine engine_;
  int rounds_ = 0;
};

class TwoBlocksTest : public DifferenceEngineTest {
 protected:
  TwoBlocksTest() : DifferenceEngineTest(std::make_shared<Digits>()) {}
};

// Whatever is smaller than a page is kept.
class KeptUpToAPageTest : public DifferenceEngineTest {
 protected:
  KeptUpToAPageTest()
      : DifferenceEngineTest(std::make_shared<Hundreds>(),
                             {.pages_per_s = 1, .kept_up_to = Bytes(kPageSize)}) {}
};

// The paper's order (section 3): 1 finds all written to; 2 shares the pair of 102; in 3 the frame
// of 102 is the reference, and 104 becomes a patch of 500 bytes on it; in 5 page 3 (of 7) is
// compressed to 1,000 bytes; page 4 (of 8) cannot be. 5 pages in 2 frames and 1,500 bytes.
TEST_F(DifferenceEngineTest, Shares_then_patches_then_compresses_pages_left_alone_ever_longer) {
  start({102, 102, 104, 7, 8});
  rounds(1);
  EXPECT_EQ(engine_.work().skips, 5u);
  EXPECT_EQ(engine_.work().checksums, 0u);
  rounds(1);
  EXPECT_EQ(memory_.totals().saved_pages(), 1u);
  rounds(1);
  EXPECT_EQ(memory_.totals().patched_pages, 1u);
  EXPECT_EQ(memory_.reference(2), memory_.frame(0));
  rounds(2);
  EXPECT_EQ(memory_.totals().compressed_pages, 1u);
  EXPECT_EQ(memory_.totals().frames(), 2u);
  EXPECT_EQ(memory_.totals().stored_bytes, 1500u);
  EXPECT_EQ(memory_.totals().used(), Bytes(2 * kPageSize + 1500));
  EXPECT_EQ(engine_.work().compressions, 2u);
  rounds(10);
  EXPECT_EQ(engine_.work().compressions, 2u) << "what does not compress is not tried again";
}

TEST_F(DifferenceEngineTest, A_page_that_is_only_read_is_shared_but_never_patched_or_compressed) {
  start({102, 104, 7, 9, 9});
  for (int round = 0; round < 10; ++round) {
    for (Page page = 0; page < 5; ++page) memory_.touch(page);
    rounds(1);
  }
  EXPECT_EQ(memory_.totals().saved_pages(), 1u);
  EXPECT_EQ(memory_.totals().stored_bytes, 0u);
}

TEST_F(DifferenceEngineTest, Any_access_restores_a_stored_page_to_a_frame_of_its_own) {
  start({102, 104, 7, 107});
  rounds(5);
  EXPECT_EQ(memory_.frame(2), kCompressed);
  EXPECT_EQ(memory_.frame(1), kPatched) << "its reference was visited before it";
  memory_.touch(1);
  memory_.write(2, content(7));
  EXPECT_EQ(memory_.frame(1), kOwnFrame);
  EXPECT_EQ(memory_.content(1), content(104));
  EXPECT_EQ(memory_.frame(2), kOwnFrame);
  EXPECT_EQ(memory_.totals().patched_restored, 1u);
  EXPECT_EQ(memory_.totals().compressed_restored, 1u);
  EXPECT_EQ(memory_.totals().copies_on_write, 0u);
  EXPECT_EQ(memory_.totals().stored_bytes, 500u) << "107's patch";
  rounds(5);
  EXPECT_EQ(memory_.totals().stored_bytes, 2000u) << "left alone, they are stored again";
}

// 106's patch stands on 102's frame. The page of 102 is written to and gets a copy; the reference
// stays, until the patch is gone.
TEST_F(DifferenceEngineTest, A_reference_stays_as_long_as_a_patch_stands_on_it) {
  start({102, 106});
  rounds(3);
  const Frame reference = memory_.reference(1);
  EXPECT_EQ(memory_.frame(0), reference);
  memory_.write(0, content(8));
  EXPECT_EQ(memory_.totals().copies_on_write, 1u);
  EXPECT_EQ(memory_.pages_on(reference), 0u);
  EXPECT_EQ(memory_.patches_on(reference), 1u);
  EXPECT_EQ(memory_.totals().frames(), 2u) << "the reference, and the page's own";
  memory_.write(0, content(102));
  rounds(2);
  EXPECT_EQ(memory_.frame(0), reference) << "its content is still there to join";
  memory_.write(0, content(8));
  memory_.release(1);
  EXPECT_EQ(memory_.totals().frames(), 1u);
  EXPECT_EQ(memory_.totals().stored_bytes, 0u);
}

TEST_F(DifferenceEngineTest, Patches_of_more_than_half_a_page_are_not_kept) {
  start({202, 204});
  rounds(8);
  EXPECT_GT(engine_.work().patches, 0u);
  EXPECT_EQ(memory_.totals().own_frames, 2u);
}

// 204 becomes a patch of 3,000 bytes; 8 takes a page compressed, and is left as it is.
TEST_F(KeptUpToAPageTest, What_takes_a_whole_page_is_never_kept) {
  start({202, 204, 8});
  rounds(8);
  EXPECT_EQ(memory_.totals().patched_pages, 1u);
  EXPECT_EQ(memory_.totals().compressed_pages, 0u);
  EXPECT_EQ(memory_.totals().stored_bytes, 3000u);
}

TEST_F(TwoBlocksTest, Either_block_finds_a_reference) {
  start({110, 120, 210, 330});
  rounds(3);
  EXPECT_EQ(memory_.frame(1), kPatched);
  EXPECT_EQ(memory_.frame(2), kPatched);
  EXPECT_EQ(memory_.reference(1), memory_.frame(0));
  EXPECT_EQ(memory_.reference(2), memory_.frame(0));
  EXPECT_EQ(memory_.frame(3), kOwnFrame);
  EXPECT_EQ(engine_.work().patches, 2u);
  EXPECT_EQ(memory_.totals().stored_bytes, 200u);
}

// 125 could stand on 110 (600 bytes) or on 225 (100).
TEST_F(TwoBlocksTest, Of_two_references_that_with_the_smaller_patch_is_taken) {
  start({110, 225, 125});
  rounds(3);
  EXPECT_EQ(engine_.work().patches, 2u) << "both were tried";
  EXPECT_EQ(memory_.reference(2), memory_.frame(1));
  EXPECT_EQ(memory_.frame(0), kOwnFrame) << "not needed as a reference";
  EXPECT_EQ(memory_.totals().stored_bytes, 100u);
}

TEST_F(TwoBlocksTest, A_reference_that_both_blocks_find_is_tried_once) {
  start({110, 112});
  rounds(3);
  EXPECT_EQ(engine_.work().patches, 1u);
  EXPECT_EQ(memory_.totals().stored_bytes, 300u);
}

// 120 becomes a patch on 110, so it can't be what 520 stands on; 620 then stands on 520.
TEST_F(TwoBlocksTest, A_patched_page_is_no_reference) {
  start({110, 120, 520, 620});
  rounds(4);
  EXPECT_EQ(memory_.totals().patched_pages, 2u);
  EXPECT_EQ(memory_.reference(1), memory_.frame(0));
  EXPECT_EQ(memory_.reference(3), memory_.frame(2));
  rounds(4);
  EXPECT_EQ(memory_.totals().frames(), 2u);
}

TEST_F(DifferenceEngineTest, A_candidate_that_changed_does_not_become_the_reference) {
  start({102, 8, 106});
  rounds(2);
  engine_.run((2 * 3 + 1) * 1s);  // page 0 stands for its group
  memory_.write(0, content(104));
  rounds(1);
  EXPECT_EQ(memory_.totals().patched_pages, 0u);
  EXPECT_EQ(memory_.frame(0), kOwnFrame);
}

}  // namespace
}  // namespace brim::share::model
