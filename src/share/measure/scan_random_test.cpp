// SPDX-License-Identifier: Apache-2.0
// Scans of random subjects against a count the slow way, and against themselves with more threads.

#include "share/measure/page_index.h"
#include "share/measure/scan.h"
#include "share/measure/scan_engine.h"
#include "share/measure/test_subjects.h"

#include <algorithm>
#include <array>
#include <map>
#include <numeric>

#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

// The same figures the slow and plain way, straight from the definitions in scan.h.
struct Naive {
  std::uint64_t zero = 0;
  std::uint64_t used = 0;
  std::uint64_t minimum = 0;
  std::uint64_t intra = 0;
  std::uint64_t inter = 0;
  std::uint64_t saved = 0;
  std::uint64_t unrealized = 0;
  std::array<std::uint64_t, kCauseCount> causes{};
  std::vector<std::uint64_t> distinct;
  std::vector<std::array<std::uint64_t, kCauseCount>> causes_of;
  std::vector<std::vector<std::uint64_t>> shared;  // contents two subjects have
};

Naive count_naively(const Subjects& subjects) {
  Naive out;
  out.distinct.resize(subjects.size());
  out.causes_of.resize(subjects.size());
  out.shared.assign(subjects.size(), std::vector<std::uint64_t>(subjects.size()));
  std::map<std::uint64_t, std::map<std::uint32_t, std::uint64_t>> contents;
  std::map<std::uint64_t, std::map<std::uint64_t, std::pair<Rank, std::uint32_t>>> frames;
  std::uint64_t with_facts = 0;
  for (std::uint32_t s = 0; s < subjects.size(); ++s) {
    const auto& subject = dynamic_cast<const FakeSubject&>(*subjects[s]);
    for (const FakePage& page : subject.pages()) {
      if (!page.present) continue;
      if (page.content == 0) {
        ++out.zero;
        continue;
      }
      ++out.used;
      ++contents[page.content][s];
      if (!subject.has_facts()) continue;
      ++with_facts;
      frames[page.content].try_emplace(page.facts.frame, rank_of(page.facts), s);
    }
  }
  out.minimum = contents.size();
  for (const auto& [content, holders] : contents) {
    for (const auto& [s, copies] : holders) {
      ++out.distinct[s];
      out.intra += copies - 1;
      for (const auto& [t, others] : holders) ++out.shared[s][t];
    }
    out.inter += holders.size() - 1;
  }
  std::uint64_t frame_count = 0;
  for (const auto& [content, behind] : frames) {
    frame_count += behind.size();
    std::vector<std::pair<Rank, std::uint32_t>> ranks;
    for (const auto& [frame, rank] : behind) ranks.push_back(rank);
    std::sort(ranks.begin(), ranks.end());
    for (std::size_t i = 1; i < ranks.size(); ++i) {
      const auto cause = static_cast<std::size_t>(cause_of(ranks[i].first));
      ++out.causes[cause];
      ++out.causes_of[ranks[i].second][cause];
      ++out.unrealized;
    }
  }
  out.saved = with_facts - frame_count;
  return out;
}

// Some hundreds of pages with every sort of repetition, frames and causes. A frame has one content,
// one set of facts.
Subjects random_subjects(std::uint64_t seed, bool facts) {
  Rng rng(seed);
  const std::uint64_t contents = 1 + rng.below(400);
  std::map<std::uint64_t, FakePage> by_frame;
  const auto count = static_cast<std::size_t>(1 + rng.below(6));
  Subjects subjects;
  for (std::size_t s = 0; s < count; ++s) {
    std::vector<FakePage> pages(1 + rng.below(3000));
    for (FakePage& page : pages) {
      page.present = !rng.chance(0.1);
      page.content = rng.chance(0.2) ? 0 : 1 + rng.below(contents);
      page.facts.frame = 1 + rng.below(1U << 30);
      page.facts.cause = static_cast<Cause>(rng.below(kCauseCount));
      page.facts.ksm = page.content != 0 && rng.chance(0.2);
      page.facts.mergeable = rng.chance(0.5);
      if (!by_frame.empty() && rng.chance(0.4)) {
        const auto known = by_frame.lower_bound(rng.below(1U << 30));
        if (known != by_frame.end()) page = known->second;
      }
      if (page.present) by_frame[page.facts.frame] = page;
    }
    subjects.push_back(std::make_unique<FakeSubject>("subject " + std::to_string(s),
                                                     facts ? SubjectKind::vm : SubjectKind::image,
                                                     std::move(pages), facts, rng.below(2000)));
  }
  return subjects;
}

void expect_same(const Naive& naive, const ScanResult& result) {
  const Potential& potential = result.results.front().potential;
  EXPECT_EQ(potential.zero_pages.value, naive.zero);
  EXPECT_EQ(potential.used_pages.value, naive.used);
  EXPECT_EQ(potential.minimum_pages.value, naive.minimum);
  EXPECT_EQ(potential.intra_saving_pages.value, naive.intra);
  EXPECT_EQ(potential.inter_saving_pages.value, naive.inter);
  EXPECT_EQ(naive.minimum + naive.intra + naive.inter, naive.used);
  const auto& subjects = result.results.front().subjects;
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    EXPECT_EQ(subjects[s].distinct_pages.value, naive.distinct[s]);
    for (std::size_t t = 0; t < subjects.size(); ++t)
      EXPECT_EQ(result.matrix.at(s, t), naive.shared[s][t]);
  }
}

TEST(Scan, Agrees_with_a_naive_count_over_random_subjects) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const Subjects subjects = random_subjects(seed, false);
    expect_same(count_naively(subjects), must_scan(subjects, plain_options(), seed));
  }
}

TEST(Scan, Puts_every_unrealized_page_under_one_cause) {
  for (std::uint64_t seed = 1; seed <= 60; ++seed) {
    SCOPED_TRACE(seed);
    const Subjects subjects = random_subjects(seed, true);
    const Naive naive = count_naively(subjects);
    const ScanResult result = must_scan(subjects, plain_options(), seed);
    expect_same(naive, result);
    EXPECT_TRUE(result.has_facts);
    EXPECT_EQ(result.real.saved_pages, naive.saved);
    EXPECT_EQ(result.unrealized_pages, naive.unrealized);
    EXPECT_EQ(result.real.saved_pages + result.unrealized_pages, naive.intra + naive.inter);
    EXPECT_EQ(result.real.merged_pages - result.real.ksm_frames, result.real.ksm_saved_pages);
    EXPECT_EQ(result.unrealized_by_cause, naive.causes);
    EXPECT_EQ(std::accumulate(naive.causes.begin(), naive.causes.end(), std::uint64_t{0}),
              result.unrealized_pages);
  }
}

TEST(Scan, Gives_the_same_result_with_any_number_of_threads) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    const Subjects subjects = random_subjects(seed, false);
    ScanOptions options = plain_options();
    options.page_2m = true;
    options.remember_pages = true;
    const ScanResult one = must_scan(subjects, options, seed);
    options.threads = 4;
    const ScanResult four = must_scan(subjects, options, seed);
    expect_same(count_naively(subjects), four);
    ASSERT_EQ(one.groups.size(), four.groups.size());
    for (std::size_t g = 0; g < one.groups.size(); ++g) {
      EXPECT_EQ(one.groups[g].hash, four.groups[g].hash);
      EXPECT_EQ(one.groups[g].in, four.groups[g].in);
    }
    EXPECT_EQ(one.page_hashes, four.page_hashes);
    EXPECT_EQ(one.matrix.shared_contents, four.matrix.shared_contents);
    EXPECT_EQ(one.matrix.pages_of_row_in_column, four.matrix.pages_of_row_in_column);
  }
}

TEST(Scan, Real_sharing_does_not_depend_on_the_number_of_threads) {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    SCOPED_TRACE(seed);
    const Subjects subjects = random_subjects(seed, true);
    ScanOptions options = plain_options();
    const ScanResult one = must_scan(subjects, options, seed);
    options.threads = 4;
    const ScanResult four = must_scan(subjects, options, seed);
    EXPECT_EQ(one.real.merged_pages, four.real.merged_pages);
    EXPECT_EQ(one.real.ksm_frames, four.real.ksm_frames);
    EXPECT_EQ(one.real.saved_pages, four.real.saved_pages);
    EXPECT_EQ(one.real.outside_pages, four.real.outside_pages);
    EXPECT_EQ(one.unrealized_pages, four.unrealized_pages);
  }
}

TEST(Scan, Confirms_equal_pages_and_tells_collisions_apart) {
  for (std::uint64_t seed = 1; seed <= 10; ++seed) {
    SCOPED_TRACE(seed);
    const Subjects subjects = random_subjects(seed, seed % 2 == 0);
    PageHasher hasher{Rng(seed)};
    hasher.truncate_for_test(6);  // 64 hashes for up to 400 contents
    ScanOptions options = plain_options();
    Progress progress;
    const Cancel cancel;
    const Naive naive = count_naively(subjects);

    const auto wrong = scan_with(hasher, subjects, options, Rng(seed), progress, cancel);
    ASSERT_TRUE(wrong);
    if (naive.minimum > 64) {
      EXPECT_LT(wrong->results.front().potential.minimum_pages.value, naive.minimum);
    }
    options.confirm = true;
    for (const unsigned threads : {1U, 3U}) {
      options.threads = threads;
      const auto right = scan_with(hasher, subjects, options, Rng(seed), progress, cancel);
      ASSERT_TRUE(right);
      expect_same(naive, *right);
      EXPECT_EQ(right->confirmed_pages, naive.intra + naive.inter);
      if (naive.minimum > 64) {
        EXPECT_GT(right->collisions, 0);
      }
      EXPECT_EQ(right->changed_while_confirming, 0);
      EXPECT_EQ(right->unconfirmed_pages, 0);
    }
  }
}

}  // namespace
}  // namespace brim::share::test
