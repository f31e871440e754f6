// SPDX-License-Identifier: Apache-2.0
#include "share/model/population.h"

#include "share/model/loads.h"

#include <algorithm>
#include <memory>
#include <set>

#include <gtest/gtest.h>

namespace brim::share::model {
namespace {

using namespace std::chrono_literals;  // NOLINT: literals

// Notes what it is told.
class Witness final : public Mechanism {
 public:
  void add(SimulatedMemory::Range) override {}
  void run(ModelTime) override {}
  [[nodiscard]] const Work& work() const override { return work_; }
  void allocated(Page) override { ++allocated_; }
  void read_from_disk(Page page, Block block) override { blocks_.emplace_back(page, block); }

  std::uint64_t allocated_ = 0;
  std::vector<std::pair<Page, Block>> blocks_;

 private:
  Work work_;
};

GuestShape shape(const char* family, const char* version) {
  GuestShape shape;
  shape.family = family;
  shape.version = version;
  shape.memory = Pages(1000);
  shape.zero = Pages(50);
  shape.classes[static_cast<std::size_t>(PageClass::kernel)] = {.pages = Pages(100),
                                                                .scope = Scope::version};
  shape.classes[static_cast<std::size_t>(PageClass::libraries)] = {.pages = Pages(80),
                                                                   .scope = Scope::family};
  shape.classes[static_cast<std::size_t>(PageClass::heap)] = {
      .pages = Pages(120), .distinct = Pages(40), .scope = Scope::instance};
  return shape;
}

// Guests that are booted, and their contents.
class Population : public testing::Test {
 protected:
  Guest& boot(const GuestShape& guest_shape) {
    const auto pages = memory_.add_guest(guest_shape.memory);
    ranges_.push_back(pages);
    guests_.push_back(std::make_unique<Guest>(guest_shape, pages, guests_.size(), writer_,
                                              Rng(7).split("guest", guests_.size())));
    guests_.back()->boot();
    return *guests_.back();
  }
  std::multiset<std::uint64_t> contents(std::size_t guest) const {
    std::multiset<std::uint64_t> all;
    for (Page page = ranges_[guest].first; page < ranges_[guest].end; ++page)
      if (memory_.present(page)) all.insert(static_cast<std::uint64_t>(memory_.content(page)));
    return all;
  }
  std::size_t common(std::size_t a, std::size_t b) const {
    const auto in_a = contents(a);
    const auto in_b = contents(b);
    const std::set<std::uint64_t> left(in_a.begin(), in_a.end());
    const std::set<std::uint64_t> right(in_b.begin(), in_b.end());
    std::vector<std::uint64_t> both;
    std::set_intersection(left.begin(), left.end(), right.begin(), right.end(),
                          std::back_inserter(both));
    return both.size();
  }

  SimulatedMemory memory_;
  Witness witness_;
  GuestWriter writer_{memory_, witness_};
  std::vector<SimulatedMemory::Range> ranges_;
  std::vector<std::unique_ptr<Guest>> guests_;
};

TEST_F(Population, A_guest_has_the_pages_of_its_classes_and_leaves_the_rest_untouched) {
  const Guest& guest = boot(shape("debian", "12"));
  EXPECT_EQ(contents(0).size(), 350U);
  EXPECT_EQ(contents(0).count(0), 50U);
  const auto all = contents(0);
  EXPECT_EQ(std::set<std::uint64_t>(all.begin(), all.end()).size(), 1U + 100 + 80 + 40);
  EXPECT_EQ(guest.free_pages().end - guest.free_pages().first, 650U);
  EXPECT_EQ(shape("debian", "12").free(), Pages(650));
  EXPECT_EQ(witness_.allocated_, 350U);
}

TEST_F(Population, Who_has_the_same_contents_is_told_by_the_scope) {
  boot(shape("debian", "12"));
  boot(shape("debian", "12"));
  boot(shape("debian", "13"));
  boot(shape("windows", "12"));
  EXPECT_EQ(common(0, 1), 1U + 100 + 80);  // the zero page, kernel, libraries
  EXPECT_EQ(common(0, 2), 1U + 80);
  EXPECT_EQ(common(0, 3), 1U);
}

TEST_F(Population, What_comes_from_disk_comes_from_equal_blocks_where_it_is_equal) {
  boot(shape("debian", "12"));
  boot(shape("debian", "12"));
  ASSERT_EQ(witness_.blocks_.size(), 2 * 180U);
  for (std::size_t i = 0; i < 180; ++i)
    EXPECT_EQ(witness_.blocks_[i].second, witness_.blocks_[i + 180].second);
}

TEST_F(Population, Classes_are_written_to_as_they_say) {
  GuestShape quiet = shape("debian", "12");
  ClassShape& heap = quiet.classes[static_cast<std::size_t>(PageClass::heap)];
  heap.written = 0.5;
  heap.period = 10s;
  const auto before_and_after = [&](ClassWrites writes) {
    heap.writes = writes;
    Guest& guest = boot(quiet);
    const std::size_t number = guests_.size() - 1;
    const auto before = contents(number);
    guest.run(9s);
    EXPECT_EQ(contents(number), before) << "too early";
    guest.run(10s);
    return std::pair(before, contents(number));
  };
  const auto same = before_and_after(ClassWrites::rewrite);
  EXPECT_EQ(same.first, same.second);
  const auto changed = before_and_after(ClassWrites::change);
  EXPECT_NE(changed.first, changed.second);
  EXPECT_EQ(changed.first.size(), changed.second.size());
}

TEST_F(Population, Short_lived_contents_are_equal_in_guests_of_one_scope_and_then_gone) {
  GuestShape guest = shape("debian", "12");
  ClassShape& cache = guest.classes[static_cast<std::size_t>(PageClass::page_cache)];
  cache = {.pages = Pages(100),
           .scope = Scope::version,
           .writes = ClassWrites::short_lived,
           .written = 1,
           .period = 10s};
  boot(guest);
  boot(guest);
  const std::size_t at_first = common(0, 1);
  const auto first = contents(0);
  for (const auto& one : guests_) one->run(10s);
  // Each guest writes at other places: some contents are overwritten at once in one of them.
  EXPECT_GT(common(0, 1), at_first - 100);
  EXPECT_NE(contents(0), first);
  // They come from disk as those before did.
  EXPECT_EQ(witness_.blocks_.size(), 2 * (280U + 100));
}

TEST_F(Population, What_a_class_reads_is_its_working_set_the_same_pages_each_period) {
  GuestShape shape_of_guest = shape("debian", "12");
  ClassShape& heap = shape_of_guest.classes[static_cast<std::size_t>(PageClass::heap)];
  heap.read = 0.25;
  heap.period = 10s;
  Guest& guest = boot(shape_of_guest);
  for (int period = 1; period <= 2; ++period) {
    std::vector<Page> read;
    for (Page page = 0; page < memory_.page_count(); ++page) memory_.clear_accessed(page);
    guest.run(10s * period);
    for (Page page = 0; page < memory_.page_count(); ++page)
      if (memory_.accessed(page)) read.push_back(page);
    ASSERT_EQ(read.size(), 30U);
    EXPECT_EQ(read.front(), 180U) << "after kernel and libraries";
    EXPECT_EQ(read.back(), 209U);
  }
}

TEST_F(Population, Blocks_and_pages_know_which_class_they_are_of) {
  boot(shape("debian", "12"));
  std::size_t of_libraries = 0;
  for (const auto& [page, block] : witness_.blocks_)
    of_libraries += class_of(block) == PageClass::libraries ? 1 : 0;
  EXPECT_EQ(of_libraries, 80U);
  EXPECT_EQ(memory_.use(0), PageUse::code);
  EXPECT_EQ(memory_.use(200), PageUse::data);
}

class SyntheticLoadTest : public Population {
 protected:
  SyntheticShape load_shape() const {
    SyntheticShape load;
    load.pages = Pages(256);
    load.write_rate = 0.125;
    load.fill_pages_per_s = 256;
    return load;
  }
  // Pages of the load that lie on a shared frame are shared by hand, so that writes show.
  std::set<Page> written_in(SyntheticShape::Positions positions, int cycles) {
    const Guest& guest = boot(shape("debian", "12"));
    SyntheticShape load = load_shape();
    load.positions = positions;
    const auto running = make_synthetic_load(load, guest, writer_, 0s, Rng(3));
    running->run(2s);
    const Page first = guest.free_pages().first;
    for (Page page = first; page < first + 256; ++page) memory_.share(page);
    for (int cycle = 1; cycle <= cycles; ++cycle) running->run(2s + cycle * 10s);
    std::set<Page> written;
    for (Page page = first; page < first + 256; ++page)
      if (memory_.frame(page) == kOwnFrame) written.insert(page - first);
    return written;
  }
};

TEST_F(SyntheticLoadTest, It_fills_at_its_rate_with_one_content_in_all_guests) {
  const Guest& one = boot(shape("debian", "12"));
  const Guest& other = boot(shape("windows", "12"));
  const auto first = make_synthetic_load(load_shape(), one, writer_, 0s, Rng(1));
  const auto second = make_synthetic_load(load_shape(), other, writer_, 0s, Rng(2));
  first->run(500ms);
  EXPECT_EQ(contents(0).size(), 350U + 128);
  EXPECT_EQ(first->cpu_time(), 500ms);
  first->run(1s);
  second->run(1s);
  EXPECT_EQ(contents(0).size(), 350U + 256);
  EXPECT_EQ(common(0, 1), 2U);  // the zero page and the load's
}

TEST_F(SyntheticLoadTest, A_cycle_writes_its_share_and_no_cycle_comes_early) {
  // The first cycle comes with the end of filling, so two have passed after ten seconds more.
  const auto written = written_in(SyntheticShape::Positions::algorithm, 1);
  EXPECT_GT(written.size(), 20U);
  EXPECT_LE(written.size(), 32U);
}

// random() begins with these numbers in every program that did not call srandom().
TEST_F(SyntheticLoadTest, The_linux_program_writes_where_its_random_numbers_say) {
  constexpr std::array<std::uint64_t, 3> kFirst{1804289383, 846930886, 1681692777};
  const Guest& guest = boot(shape("debian", "12"));
  SyntheticShape load = load_shape();
  load.positions = SyntheticShape::Positions::linux_program;
  load.write_rate = 3.0 / 256;
  const auto running = make_synthetic_load(load, guest, writer_, 0s, Rng(3));
  running->run(999ms);  // filled, but for the last page
  const Page first = guest.free_pages().first;
  for (Page page = first; page < first + 255; ++page) memory_.share(page);
  running->run(2s);
  std::set<Page> expected;
  for (const std::uint64_t number : kFirst)
    expected.insert(static_cast<Page>(number % (256 * kPageSize) / kPageSize));
  std::set<Page> written;
  for (Page page = first; page < first + 255; ++page)
    if (memory_.frame(page) == kOwnFrame) written.insert(page - first);
  expected.erase(255);
  EXPECT_EQ(written, expected);
}

TEST_F(SyntheticLoadTest, The_windows_program_never_gets_past_its_eighth_page) {
  const auto written = written_in(SyntheticShape::Positions::windows_program, 50);
  EXPECT_EQ(written, (std::set<Page>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST_F(SyntheticLoadTest, Contents_are_as_asked_for) {
  const auto distinct_in_two = [&](SyntheticShape::Contents kind) {
    SimulatedMemory memory;
    Witness witness;
    GuestWriter writer(memory, witness);
    GuestShape empty;
    empty.memory = Pages(256);
    std::set<Content> all;
    for (std::uint64_t number = 0; number < 2; ++number) {
      const Guest guest(empty, memory.add_guest(empty.memory), number, writer, Rng(1));
      SyntheticShape load = load_shape();
      load.contents = kind;
      make_synthetic_load(load, guest, writer, 0s, Rng(1))->run(1s);
    }
    for (Page page = 0; page < memory.page_count(); ++page) all.insert(memory.content(page));
    return all.size();
  };
  EXPECT_EQ(distinct_in_two(SyntheticShape::Contents::same), 1U);
  EXPECT_EQ(distinct_in_two(SyntheticShape::Contents::zero), 1U);
  EXPECT_EQ(distinct_in_two(SyntheticShape::Contents::distinct_per_page), 256U);
  EXPECT_EQ(distinct_in_two(SyntheticShape::Contents::distinct_per_guest), 512U);
}

}  // namespace
}  // namespace brim::share::model
