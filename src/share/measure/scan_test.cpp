// SPDX-License-Identifier: Apache-2.0
#include "share/measure/scan.h"

#include "share/measure/test_subjects.h"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

// Frames of one subject only, so that who is charged doesn't depend on who came first.
TEST(Scan, Charges_the_subject_that_holds_the_worse_frame) {
  const auto page = [](std::uint64_t content, std::uint64_t frame, Cause cause, bool ksm) {
    FakePage made{content, true, {}};
    made.facts.frame = frame;
    made.facts.cause = cause;
    made.facts.ksm = ksm;
    return made;
  };
  Subjects subjects;
  subjects.push_back(
      std::make_unique<FakeSubject>("a", SubjectKind::vm,
                                    std::vector<FakePage>{page(7, 10, Cause::not_mergeable, false),
                                                          page(8, 11, Cause::shared_mapping, false),
                                                          page(9, 12, Cause::other, true)},
                                    true));
  subjects.push_back(std::make_unique<FakeSubject>(
      "b", SubjectKind::vm,
      std::vector<FakePage>{page(7, 20, Cause::ksm_off, false),
                            page(8, 21, Cause::not_scanned_yet, false),
                            page(9, 22, Cause::other, true)},
      true));
  for (const bool swapped : {false, true}) {
    if (swapped) std::swap(subjects[0], subjects[1]);
    const ScanResult result = must_scan(subjects, plain_options());
    const std::size_t a = swapped ? 1 : 0;
    const auto& of = result.results.front().subjects;
    EXPECT_EQ(of[a].unrealized_by_cause[static_cast<std::size_t>(Cause::not_mergeable)], 1);
    EXPECT_EQ(of[a].unrealized_by_cause[static_cast<std::size_t>(Cause::shared_mapping)], 1);
    EXPECT_EQ(result.unrealized_by_cause[static_cast<std::size_t>(Cause::max_page_sharing)], 1);
    EXPECT_EQ(result.unrealized_pages, 3);
  }
}

TEST(Scan, Tells_pages_that_changed_or_went_away_from_confirmed_ones) {
  Subjects subjects;
  auto subject = image_of("live", {5, 5, 6, 6, 7, 7});
  subject->no_reread = {2};
  // When read again, page 4 has another content.
  subject->live = [](std::uint64_t page, unsigned time, std::uint64_t content) {
    return time == 99 && page == 4 ? content + 100 : content;
  };
  subjects.push_back(std::move(subject));
  ScanOptions options = plain_options();
  options.confirm = true;
  const ScanResult result = must_scan(subjects, options);
  EXPECT_EQ(result.confirmed_pages, 1);
  EXPECT_EQ(result.unconfirmed_pages, 1);
  EXPECT_EQ(result.changed_while_confirming, 1);
  EXPECT_EQ(result.collisions, 0);
  EXPECT_EQ(result.results.front().potential.minimum_pages.value, 3);
}

TEST(Scan, Second_look_puts_changing_pages_before_what_KSM_could_mend) {
  Subjects subjects;
  std::vector<FakePage> pages;
  // Three pairs of equal pages, in frames of their own; the second look finds them equal.
  const std::array causes{Cause::not_scanned_yet, Cause::not_mergeable, Cause::not_scanned_yet};
  for (std::uint64_t i = 0; i < 6; ++i) {
    FakePage page{1 + i / 2, true, {}};
    page.facts.frame = 100 + i;
    page.facts.cause = causes[i / 2];
    pages.push_back(page);
  }
  auto subject = std::make_unique<FakeSubject>("vm", SubjectKind::vm, pages, true);
  subject->live = [](std::uint64_t page, unsigned time, std::uint64_t content) {
    return time == 0 && page < 4 ? 1000 + page : content;
  };
  subjects.push_back(std::move(subject));
  ScanOptions options = plain_options();
  options.second_look = std::chrono::nanoseconds(1);
  const ScanResult result = must_scan(subjects, options);
  EXPECT_EQ(result.changing_pages, 4);
  const auto& causes_found = result.unrealized_by_cause;
  EXPECT_EQ(causes_found[static_cast<std::size_t>(Cause::changing)], 1);
  EXPECT_EQ(causes_found[static_cast<std::size_t>(Cause::not_mergeable)], 1);
  EXPECT_EQ(causes_found[static_cast<std::size_t>(Cause::not_scanned_yet)], 1);
}

TEST(Scan, Stops_when_asked_with_figures_that_still_add_up) {
  Cancel cancel;
  Subjects subjects;
  std::vector<std::uint64_t> contents(5000);
  for (std::size_t i = 0; i < contents.size(); ++i) contents[i] = i % 700;
  auto subject = image_of("a", contents);
  int batches = 0;
  subject->before_batch = [&] {
    if (++batches == 17) cancel.request();
  };
  subjects.push_back(std::move(subject));
  Progress progress;
  const auto result = scan(subjects, plain_options(), Rng(1), progress, cancel);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->partial);
  const Potential& potential = result->results.front().potential;
  EXPECT_GT(potential.used_pages.value, 0);
  EXPECT_LT(potential.used_pages.value, 5000);
  EXPECT_EQ(potential.minimum_pages.value + potential.intra_saving_pages.value +
                potential.inter_saving_pages.value,
            potential.used_pages.value);
}

TEST(Scan, Keeps_what_a_subject_gave_before_it_went_away) {
  Subjects subjects;
  std::vector<std::uint64_t> contents(3000);
  std::iota(contents.begin(), contents.end(), 1);
  auto lost = image_of("lost", contents);
  lost->gone_from = 1500;
  subjects.push_back(std::move(lost));
  subjects.push_back(image_of("kept", contents));
  const ScanResult result = must_scan(subjects, plain_options());
  EXPECT_TRUE(result.partial);
  const auto& of = result.results.front().subjects;
  ASSERT_TRUE(of[0].error);
  EXPECT_EQ(of[0].error->code, ErrorCode::gone);
  EXPECT_EQ(of[0].pages, 1500);
  EXPECT_FALSE(of[1].error);
  EXPECT_EQ(of[1].pages, 3000);
  EXPECT_EQ(result.results.front().potential.inter_saving_pages.value, 1500);
}

TEST(Scan, Is_an_error_when_nothing_could_be_read) {
  Subjects subjects;
  auto lost = image_of("lost", {1, 2, 3});
  lost->gone_from = 0;
  subjects.push_back(std::move(lost));
  Progress progress;
  const Cancel cancel;
  const auto result = scan(subjects, plain_options(), Rng(1), progress, cancel);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::gone);
  EXPECT_FALSE(scan(Subjects(), plain_options(), Rng(1), progress, cancel));
}

TEST(Scan, Counts_2_MiB_pages_of_whole_aligned_blocks_only) {
  // Block 0 and block 1 equal; block 2 has a hole; block 3 zero; then 5 pages of a last block.
  std::vector<FakePage> pages;
  for (std::uint64_t block = 0; block < 4; ++block)
    for (std::uint64_t i = 0; i < kPagesPerHuge; ++i) {
      FakePage page{1 + i, true, {}};
      if (i % 4 == 0) page.content = 0;
      if (block == 2) page.present = i != 77;
      if (block == 3) page.content = 0;
      pages.push_back(page);
    }
  for (std::uint64_t i = 0; i < 5; ++i) pages.push_back({900 + i, true, {}});
  Subjects subjects;
  subjects.push_back(std::make_unique<FakeSubject>("a", SubjectKind::image, pages, false));
  ScanOptions options = plain_options();
  options.page_2m = true;
  const ScanResult result = must_scan(subjects, options);
  ASSERT_EQ(result.results.size(), 2);
  const SizeResult& huge = result.results[1];
  EXPECT_EQ(huge.page_size_bytes, kHugePageSize);
  EXPECT_EQ(huge.potential.zero_pages.value, 1);
  EXPECT_EQ(huge.potential.used_pages.value, 3);
  EXPECT_EQ(huge.potential.minimum_pages.value, 2);
  EXPECT_EQ(huge.potential.intra_saving_pages.value, 1);
  EXPECT_EQ(huge.subjects[0].padded_pages, 1);
  EXPECT_EQ(huge.subjects[0].unread.absent, 1);
  // 384 non-zero pages of block 1 merge as a huge page; those of block 2 (383 or 384) don't.
  const Potential& small = result.results[0].potential;
  const double saving = small.intra_saving_pages.value + small.inter_saving_pages.value;
  ASSERT_TRUE(result.hidden_by_huge_pages);
  EXPECT_NEAR(*result.hidden_by_huge_pages, 1 - 384 / saving, 1e-12);
}

TEST(Scan, A_live_process_whose_last_block_is_short_has_no_huge_page_there) {
  std::vector<FakePage> pages(kPagesPerHuge + 5, FakePage{3, true, {}});
  Subjects subjects;
  subjects.push_back(std::make_unique<FakeSubject>("p", SubjectKind::process, pages, true));
  ScanOptions options = plain_options();
  options.page_2m = true;
  const ScanResult result = must_scan(subjects, options);
  EXPECT_EQ(result.results[1].potential.used_pages.value, 1);
  EXPECT_EQ(result.results[1].subjects[0].unread.absent, 1);
  EXPECT_EQ(result.results[1].subjects[0].padded_pages, 0);
}

TEST(Scan, Lists_the_largest_groups_with_who_holds_them) {
  Subjects subjects;
  subjects.push_back(image_of("a", {4, 4, 4, 5, 6, 0, 0, 0, 0, 0}));
  subjects.push_back(image_of("b", {4, 5, 7}));
  ScanOptions options = plain_options();
  options.groups = 1;
  const ScanResult result = must_scan(subjects, options);
  ASSERT_EQ(result.groups.size(), 1);
  EXPECT_EQ(result.groups[0].copies, 4);
  const std::vector<std::pair<std::uint32_t, std::uint64_t>> in{{0, 3}, {1, 1}};
  EXPECT_EQ(result.groups[0].in, in);
  EXPECT_EQ(result.groups[0].hash.size(), 32);
}

TEST(Scan, Hashes_are_keyed_per_run_unless_asked_otherwise) {
  Subjects subjects;
  subjects.push_back(image_of("a", {4, 4}));
  ScanOptions options = plain_options();
  const std::string first = must_scan(subjects, options, 1).groups[0].hash;
  EXPECT_EQ(must_scan(subjects, options, 1).groups[0].hash, first);
  EXPECT_NE(must_scan(subjects, options, 2).groups[0].hash, first);
  options.stable_hash = true;
  const std::string stable = must_scan(subjects, options, 1).groups[0].hash;
  EXPECT_EQ(must_scan(subjects, options, 2).groups[0].hash, stable);
}

TEST(Scan, Real_sharing_beside_an_image_is_that_of_live_subjects_alone) {
  std::vector<FakePage> pages;
  for (std::uint64_t i = 0; i < 4; ++i) {
    FakePage page{5, true, {}};
    page.facts.frame = i < 2 ? 50 : 50 + i;  // two pages on one frame, two on their own
    page.facts.cause = Cause::ksm_off;
    page.facts.ksm = i < 2;
    page.facts.mergeable = true;
    page.facts.map_count = i < 2 ? 3 : 1;  // one more maps it, who isn't scanned
    pages.push_back(page);
  }
  Subjects subjects;
  subjects.push_back(image_of("image", {5, 5, 5}));
  subjects.push_back(std::make_unique<FakeSubject>("vm", SubjectKind::vm, pages, true));
  const ScanResult result = must_scan(subjects, plain_options());
  EXPECT_TRUE(result.has_facts);
  EXPECT_EQ(result.real.saved_pages, 1);
  EXPECT_EQ(result.real.merged_pages, 2);
  EXPECT_EQ(result.real.ksm_frames, 1);
  EXPECT_EQ(result.real.outside_pages, 2);
  EXPECT_EQ(result.unrealized_pages, 2);
  EXPECT_DOUBLE_EQ(*result.efficiency_percent, 100.0 / 3);
  EXPECT_EQ(result.results[0].potential.minimum_pages.value, 1);
  EXPECT_NEAR(result.results[0].subjects[1].proportional_saved_pages, 4.0 / 3, 1e-6);
}

}  // namespace
}  // namespace brim::share::test
