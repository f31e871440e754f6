// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/wsclock.h"

#include "thrash/model/test_traces.h"

#include <optional>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

using test::counts_of;
using test::random_trace;

// The hand, frame by frame, as wsclock.h says what it does.
class WsClockBySearch {
 public:
  WsClockBySearch(std::size_t frames, std::uint64_t tau, bool reference_on_load)
      : frames_(frames), tau_(tau), reference_on_load_(reference_on_load) {}

  void reference(Reference reference) {
    ++now_;
    ++counts.references;
    const PageNumber page = reference.page();
    auto at = std::ranges::find(circle_, page, &Frame::page);
    if (at != circle_.end()) {
      at->referenced = true;
    } else {
      ++counts.faults;
      if (circle_.size() < frames_) {
        at = circle_.insert(circle_.end(), Frame{});
      } else {
        at = circle_.begin() + static_cast<std::ptrdiff_t>(victim());
        write_back(*at);
      }
      *at = {page, reference_on_load_, false, 0, 0};
      use_now(*at);
    }
    at->modified |= reference.access() == Access::write;
  }

  ReplayCounts counts;  // but for cold faults

 private:
  struct Frame {
    PageNumber page = kNoPage;
    bool referenced = false;
    bool modified = false;
    std::uint64_t last_use = 0;
    std::uint64_t found = 0;  // which use it was of all
  };

  void use_now(Frame& frame) {
    frame.last_use = now_;
    frame.found = ++uses_;
  }
  void write_back(Frame& frame) {
    counts.writebacks += frame.modified ? 1 : 0;
    frame.modified = false;
  }
  std::size_t take(std::size_t frame) {
    hand_ = (frame + 1) % circle_.size();
    return frame;
  }

  std::size_t victim() {
    std::optional<std::size_t> cleaned;
    for (std::size_t step = 0; step < circle_.size(); ++step) {
      const std::size_t at = (hand_ + step) % circle_.size();
      Frame& frame = circle_[at];
      if (frame.referenced) {
        frame.referenced = false;
        use_now(frame);
      } else if (now_ - frame.last_use > tau_) {
        if (!frame.modified) return take(at);
        write_back(frame);
        if (!cleaned) cleaned = at;
      }
    }
    if (cleaned) return take(*cleaned);
    for (std::size_t step = 0; step < circle_.size(); ++step) {
      const std::size_t at = (hand_ + step) % circle_.size();
      if (!circle_[at].modified) return take(at);
    }
    return take(static_cast<std::size_t>(std::ranges::min_element(circle_, {}, &Frame::found) -
                                         circle_.begin()));
  }

  std::size_t frames_;
  std::uint64_t tau_;
  bool reference_on_load_;
  std::vector<Frame> circle_;
  std::size_t hand_ = 0;
  std::uint64_t now_ = 0;
  std::uint64_t uses_ = 0;
};

PageTrace writes_only(PageTrace trace) {
  for (Reference& one : trace.references) one = {one.page(), Access::write};
  return trace;
}

TEST(WsClock, Does_what_a_hand_does_that_looks_at_each_frame) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const PageTrace mixed = random_trace(3000, 200, Rng(seed));
    for (const PageTrace& trace : {mixed, writes_only(mixed)}) {
      for (const std::size_t frames : {1U, 2U, 20U, 70U, 150U}) {
        for (const std::uint64_t tau : {1U, 20U, 100U, 1000U, 100000U}) {
          for (const bool on_load : {false, true}) {
            WsClockBySearch search(frames, tau, on_load);
            for (const Reference reference : trace.references) search.reference(reference);
            ReplayCounts counts = counts_of(
                fmt::format("wsclock(tau={},reference_on_load={})", tau, on_load), trace, frames);
            counts.cold_faults = 0;
            ASSERT_EQ(counts, search.counts) << frames << " frames, tau " << tau;
          }
        }
      }
    }
  }
}

// Pages 0 to 3, loaded at 1, 2, 3 and 4.
class WsClockTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kTau = 10;

  void fill() {
    for (PageNumber page = 0; page < 4; ++page) {
      table_.advance();
      policy_.load(page, Access::read);
    }
  }
  void hit(PageNumber page, Access access) {
    table_.note(page, access);
    policy_.hit(page, access);
  }
  PageNumber replace(PageNumber page) {
    const PageNumber victim = policy_.victim();
    table_.write_back(victim);
    policy_.load(page, Access::read);
    return victim;
  }

  PageTable table_{10};
  WsClock policy_{table_, 4, {.tau = kTau}};
};

// Page 4, loaded at 5, has the frame of page 0 and is the first that the hand looks at. At 13 page
// 1 was used 11 ago; at 12 all are of the working set, and the first clean one from the hand
// leaves.
TEST_F(WsClockTest, A_page_used_within_tau_is_passed) {
  fill();
  policy_.remove(0);
  table_.advance();
  policy_.load(4, Access::read);
  WsClock sooner = policy_;
  table_.advance(7);
  EXPECT_EQ(sooner.victim(), 4U);
  table_.advance();
  EXPECT_EQ(policy_.victim(), 1U);
}

TEST_F(WsClockTest, A_page_not_used_for_more_than_tau_leaves) {
  fill();
  table_.advance(9);  // 13: pages 0 and 1 are older
  hit(0, Access::read);
  EXPECT_EQ(replace(4), 1U);
  EXPECT_FALSE(table_.referenced(0)) << "the hand came past";
  EXPECT_EQ(replace(5), 2U) << "the first clean one from the hand";
}

// 0 and 1 are old, and 0 modified long ago.
TEST_F(WsClockTest, An_old_page_that_is_modified_is_written_back_and_passed) {
  table_.note(0, Access::write);
  fill();
  table_.advance(9);
  EXPECT_EQ(policy_.victim(), 1U);
  EXPECT_EQ(table_.writebacks(), 1U);
  EXPECT_FALSE(table_.modified(0));
}

TEST_F(WsClockTest, After_a_round_the_first_that_was_written_back_leaves) {
  table_.note(0, Access::write);
  table_.note(1, Access::write);
  fill();
  table_.advance(9);
  EXPECT_EQ(policy_.victim(), 0U);
  EXPECT_EQ(table_.writebacks(), 2U);
}

TEST_F(WsClockTest, Where_all_are_modified_and_of_the_working_set_the_oldest_leaves) {
  for (PageNumber page = 0; page < 4; ++page) table_.note(page, Access::write);
  fill();
  hit(0, Access::write);
  EXPECT_EQ(policy_.victim(), 1U);
  EXPECT_EQ(table_.writebacks(), 0U) << "whoever drives it writes it";
}

}  // namespace
}  // namespace brim::thrash::model
