// SPDX-License-Identifier: Apache-2.0
// What every simulated mechanism is held to, whatever its rules.
#include "share/model/cbps.h"
#include "share/model/difference_engine.h"
#include "share/model/file_cache.h"
#include "share/model/ksm.h"
#include "share/model/page_trimming.h"
#include "share/model/satori.h"
#include "share/model/test_mechanisms.h"
#include "share/model/tps.h"

#include <algorithm>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

// Contents below 40 resemble each other in tens and in threes, those below 20 closely; odd ones
// compress.
class Tens final : public ContentCatalogue {
 public:
  [[nodiscard]] SimilarityKeys keys(Content content) const override {
    const auto number = static_cast<std::uint64_t>(content);
    return {number < 40 ? SimilarityKey{1 + number / 10} : kNoKey,
            number < 40 ? SimilarityKey{100 + number / 3} : kNoKey};
  }
  [[nodiscard]] Bytes patch(Content content, Content reference) const override {
    const auto number = static_cast<std::uint64_t>(content);
    const auto other = static_cast<std::uint64_t>(reference);
    return Bytes(number < 20 ? 300 + number + other : 2500);
  }
  [[nodiscard]] Bytes compressed(Content content) const override {
    const auto number = static_cast<std::uint64_t>(content);
    return Bytes(number % 2 == 1 ? 800 + number : kPageSize);
  }
};

class NothingAlike final : public ContentCatalogue {
 public:
  [[nodiscard]] SimilarityKeys keys(Content /*content*/) const override { return {}; }
  [[nodiscard]] Bytes patch(Content /*content*/, Content /*reference*/) const override {
    return Bytes(kPageSize);
  }
  [[nodiscard]] Bytes compressed(Content /*content*/) const override { return Bytes(kPageSize); }
};

// What it finds once nothing changes.
enum class Finds : std::uint8_t {
  equal_pages,   // all there are
  equal_blocks,  // of pages read from a disk
  zero_pages,
  some,
};

struct Kind {
  std::string name;
  Finds finds;
  std::function<std::unique_ptr<Mechanism>(SimulatedMemory&, const Rng&)> make;
};
void PrintTo(const Kind& kind, std::ostream* out) { *out << kind.name; }

std::unique_ptr<Mechanism> ksm_of(SimulatedMemory& memory, KsmKnobs knobs) {
  knobs.max_page_sharing = KsmKnobs::kNoLimit;
  return std::make_unique<Ksm>(memory, knobs, Costs{});
}

std::unique_ptr<Tps> tps_of(SimulatedMemory& memory, const Rng& rng, TpsKnobs knobs) {
  knobs.share_scan_time = 5s;
  knobs.share_scan_ghz = 0;
  return std::make_unique<Tps>(memory, knobs, Costs{}, rng);
}

std::unique_ptr<Mechanism> engine_of(SimulatedMemory& memory,
                                     std::shared_ptr<const ContentCatalogue> catalogue) {
  return std::make_unique<DifferenceEngine>(memory, std::move(catalogue),
                                            DifferenceEngineKnobs{.pages_per_s = 500}, Costs{});
}

std::vector<Kind> kinds() {
  const auto tens = std::make_shared<const Tens>();
  const auto nothing_alike = std::make_shared<const NothingAlike>();
  const KsmKnobs modern{.use_zero_pages = true, .smart_scan = true, .checksum_first = true};
  const KsmKnobs advised{.advisor = KsmAdvisorKnobs{.target_scan_time = 2s}};
  const TpsKnobs by_scan{.share_at_allocation = false, .order = TpsOrder::unchanged_first};
  const TpsKnobs large{.guest_large_pages = true};
  using Memory = SimulatedMemory;
  return {
      {"Ksm", Finds::equal_pages, [](Memory& m, const Rng&) { return ksm_of(m, {}); }},
      {"KsmModern", Finds::equal_pages, [=](Memory& m, const Rng&) { return ksm_of(m, modern); }},
      {"KsmAdvised", Finds::equal_pages, [=](Memory& m, const Rng&) { return ksm_of(m, advised); }},
      {"Tps", Finds::equal_pages, [](Memory& m, const Rng& rng) { return tps_of(m, rng, {}); }},
      {"TpsByScan", Finds::equal_pages,
       [=](Memory& m, const Rng& rng) { return tps_of(m, rng, by_scan); }},
      {"TpsLarge", Finds::some, [=](Memory& m, const Rng& rng) { return tps_of(m, rng, large); }},
      {"TpsUnderPressure", Finds::equal_pages,
       [=](Memory& m, const Rng& rng) {
         auto tps = tps_of(m, rng, large);
         tps->set_pressure(true);
         return tps;
       }},
      {"Cbps", Finds::equal_pages,
       [](Memory& m, const Rng&) { return std::make_unique<Cbps>(m, 500, Costs{}); }},
      {"DifferenceEngine", Finds::some, [=](Memory& m, const Rng&) { return engine_of(m, tens); }},
      {"DifferenceEngineSharing", Finds::equal_pages,
       [=](Memory& m, const Rng&) { return engine_of(m, nothing_alike); }},
      {"Satori", Finds::equal_blocks,
       [](Memory& m, const Rng&) { return std::make_unique<Satori>(m, Costs{}); }},
      {"FileCache", Finds::equal_blocks,
       [](Memory& m, const Rng&) {
         return std::make_unique<FileCache>(
             m, [](Block) { return true; }, Costs{});
       }},
      {"PageTrimming", Finds::zero_pages,
       [](Memory& m, const Rng&) { return std::make_unique<PageTrimming>(m, 500, Costs{}); }},
  };
}

// Three guests that write, read, free and load pages of some 100 contents; block n holds content n.
class World {
 public:
  World(const Kind& kind, std::uint64_t seed)
      : rng_(seed), mechanism_(kind.make(memory_, rng_.split("mechanism"))) {
    for (int guest = 0; guest < 3; ++guest)
      mechanism_->add(memory_.add_guest(Pages(300 + rng_.below(400))));
    contents_.resize(memory_.page_count(), kZeroContent);
  }

  void act() {
    const Page page = static_cast<Page>(rng_.below(memory_.page_count()));
    const double what = rng_.uniform();
    if (what < 0.1)
      release(page);
    else if (what < 0.3)
      memory_.touch(page);
    else if (what < 0.5)
      read_from_disk(page);
    else
      write(page, rng_.chance(0.3) ? contents_[page] : Content{rng_.below(100)});
  }
  void work_for(ModelTime time) {
    now_ += time;
    mechanism_->run(now_);
  }
  void load_all_from_disk() {
    for (Page page = 0; page < memory_.page_count(); ++page) read_from_disk(page);
  }
  void expect_right() const {
    test::expect_sound(memory_);
    for (Page page = 0; page < memory_.page_count(); ++page)
      ASSERT_EQ(memory_.content(page), contents_[page]);
  }
  [[nodiscard]] std::vector<Frame> frames() const {
    std::vector<Frame> frames;
    for (Page page = 0; page < memory_.page_count(); ++page) frames.push_back(memory_.frame(page));
    return frames;
  }
  [[nodiscard]] const SimulatedMemory& memory() const { return memory_; }
  [[nodiscard]] const Work& work() const { return mechanism_->work(); }

 private:
  void write(Page page, Content content) {
    const bool there = memory_.present(page);
    memory_.write(page, content);
    EXPECT_EQ(memory_.frame(page), kOwnFrame) << "a write gives a private copy";
    contents_[page] = content;
    if (!there) mechanism_->allocated(page);
  }
  void read_from_disk(Page page) {
    const std::uint64_t block = rng_.below(100);
    write(page, Content{block});
    mechanism_->read_from_disk(page, Block{block});
  }
  void release(Page page) {
    memory_.release(page);
    contents_[page] = kZeroContent;
  }

  Rng rng_;
  SimulatedMemory memory_;
  std::unique_ptr<Mechanism> mechanism_;
  std::vector<Content> contents_;  // as the guests know them
  ModelTime now_{0};
};

class MechanismSuite : public testing::TestWithParam<Kind> {};

TEST_P(MechanismSuite, Never_merges_unequal_pages_and_conserves_frames_whatever_guests_do) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    World world(GetParam(), seed);
    std::uint64_t most = 0;
    for (int step = 0; step < 40; ++step) {
      for (int i = 0; i < 100; ++i) world.act();
      world.work_for(1s);
      world.expect_right();
      if (HasFatalFailure() || HasNonfatalFailure()) return;
      most = std::max(most, world.memory().totals().saved_pages());
    }
    EXPECT_TRUE(most > 0 || GetParam().name == "TpsLarge");
  }
}

TEST_P(MechanismSuite, Finds_what_its_rules_allow_once_nothing_changes) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    SCOPED_TRACE(seed);
    World world(GetParam(), seed);
    for (int step = 0; step < 10; ++step) {
      for (int i = 0; i < 300; ++i) world.act();
      world.work_for(1s);
    }
    if (GetParam().finds == Finds::equal_blocks) world.load_all_from_disk();
    world.work_for(100s);
    world.expect_right();
    const SimulatedMemory& memory = world.memory();
    const SimulatedMemory::Totals totals = memory.totals();
    std::uint64_t zero_pages = 0;
    for (Page page = 0; page < memory.page_count(); ++page) {
      const bool zero = memory.present(page) && memory.content(page) == kZeroContent;
      zero_pages += zero ? 1 : 0;
    }
    // Where zero pages cost nothing, not even one frame is left for them.
    const std::uint64_t no_zero_frame = totals.pages_on_zero_frame > 0 ? 1 : 0;
    switch (GetParam().finds) {
      case Finds::equal_pages:
      case Finds::equal_blocks:
        EXPECT_EQ(totals.saved_pages(), test::potential(memory) + no_zero_frame);
        break;
      case Finds::zero_pages:
        EXPECT_EQ(totals.saved_pages(), zero_pages);
        break;
      case Finds::some:
        EXPECT_GT(totals.saved_pages(), 0u);
    }
    const SimulatedMemory::Totals before = totals;
    world.work_for(50s);
    EXPECT_EQ(memory.totals(), before) << "and then all is still";
  }
}

TEST_P(MechanismSuite, The_same_seed_gives_the_same_run) {
  const auto run = [](std::uint64_t seed) {
    World world(GetParam(), seed);
    for (int step = 0; step < 20; ++step) {
      for (int i = 0; i < 100; ++i) world.act();
      world.work_for(500ms);
    }
    return std::tuple(world.frames(), world.work(), world.memory().totals());
  };
  EXPECT_EQ(run(1), run(1));
  EXPECT_NE(run(1), run(2));
}

TEST_P(MechanismSuite, Works_on_nothing_and_before_any_guest_is_there) {
  SimulatedMemory memory;
  const auto mechanism = GetParam().make(memory, Rng(1));
  mechanism->run(10s);
  mechanism->add(memory.add_guest(Pages(0)));
  mechanism->add(memory.add_guest(Pages(10)));
  mechanism->run(20s);
  EXPECT_EQ(memory.totals(), SimulatedMemory::Totals{});
  EXPECT_EQ(mechanism->work().merges, 0u);
}

INSTANTIATE_TEST_SUITE_P(All, MechanismSuite, testing::ValuesIn(kinds()),
                         [](const auto& kind) { return kind.param.name; });

}  // namespace
}  // namespace brim::share::model
