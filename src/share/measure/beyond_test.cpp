// SPDX-License-Identifier: Apache-2.0
#include "share/measure/beyond.h"

#include "share/measure/page_codec.h"
#include "share/measure/test_pages.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <numeric>
#include <string_view>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace brim::share {
namespace {

// Random in its first `bytes`, zero after them: compresses to about that.
TestPage partly_random_page(Rng& rng, std::size_t bytes) {
  TestPage page = random_page(rng);
  std::fill(page.begin() + static_cast<std::ptrdiff_t>(bytes), page.end(), std::byte{0});
  return page;
}

TestPage text_page(Rng& rng) {
  constexpr std::array<std::string_view, 8> kWords = {"memory ", "page ",  "guest ",  "host ",
                                                      "merge ",  "frame ", "kernel ", "table "};
  TestPage page;
  for (std::size_t at = 0; at < kPageSize;) {
    for (const char letter : kWords[rng.below(kWords.size())]) {
      if (at < kPageSize) page[at++] = static_cast<std::byte>(letter);
    }
  }
  return page;
}

// A copy with `bytes` bytes changed, in a stretch that begins anywhere.
TestPage variant_of(const TestPage& page, Rng& rng, std::size_t bytes) {
  TestPage copy = page;
  const std::size_t start = rng.below(kPageSize - bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    copy[start + i] ^= static_cast<std::byte>(1 + rng.below(255));
  return copy;
}

struct Corpus {
  std::vector<TestPage> pages;
  bool gone = false;  // nothing can be read again

  // As the scan would: a hash, and the page's place as its location.
  [[nodiscard]] static PageHash hash(std::size_t index) {
    Rng rng = Rng(77).split("content", index);
    const std::uint64_t low = rng.next();
    return {.low = low, .high = rng.next()};
  }
  [[nodiscard]] BeyondExaminer::Reread reread() const {
    return [this](std::uint32_t subject, std::uint64_t page,
                  std::span<std::byte, kPageSize> out) -> Result<void> {
      EXPECT_EQ(subject, page % 3);
      if (gone) return fail(ErrorCode::gone, "gone");
      std::memcpy(out.data(), pages.at(page).data(), kPageSize);
      return {};
    };
  }
  void offer(BeyondExaminer& examiner, unsigned worker, std::size_t index) const {
    examiner.offer(worker, hash(index), static_cast<std::uint32_t>(index % 3), index, pages[index]);
  }
};

ScanOptions options_for(Beyond beyond, std::uint32_t sample = 4096) {
  ScanOptions options;
  options.beyond = beyond;
  options.beyond_pages = sample;
  return options;
}

BeyondIdentity examine(const Corpus& corpus, Beyond beyond, std::uint64_t seed = 5,
                       std::uint32_t sample = 4096) {
  BeyondExaminer examiner(options_for(beyond, sample), Rng(seed), corpus.pages.size(), 1);
  for (std::size_t i = 0; i < corpus.pages.size(); ++i) corpus.offer(examiner, 0, i);
  return examiner.finish(corpus.reread(), corpus.pages.size(), Cancel()).value();
}

// Groups of one random page and `variants` variants of it.
Corpus similar_groups(std::size_t groups, std::size_t variants, std::size_t changed_bytes) {
  Corpus corpus;
  Rng rng(41);
  for (std::size_t group = 0; group < groups; ++group) {
    const TestPage page = random_page(rng);
    corpus.pages.push_back(page);
    for (std::size_t i = 0; i < variants; ++i) {
      corpus.pages.push_back(variant_of(page, rng, changed_bytes));
    }
  }
  return corpus;
}

class BothWays : public testing::TestWithParam<Beyond> {};
INSTANTIATE_TEST_SUITE_P(BeyondExaminer, BothWays, testing::Values(Beyond::sampled, Beyond::exact),
                         [](const auto& way) {
                           return way.param == Beyond::exact ? "exact" : "sampled";
                         });

TEST_P(BothWays, Random_pages_save_nothing) {
  Corpus corpus;
  Rng rng(42);
  for (int i = 0; i < 300; ++i) corpus.pages.push_back(random_page(rng));
  const BeyondIdentity result = examine(corpus, GetParam());
  EXPECT_EQ(result.sampled, GetParam() == Beyond::sampled);
  EXPECT_EQ(result.examined, 300U);
  EXPECT_EQ(result.contents, 300U);
  EXPECT_EQ(result.patching->contents.value, 0);
  EXPECT_EQ(result.patching->then_zstd_saving_pages.value, 0);
  EXPECT_EQ(result.patching->then_lz4_saving_pages.value, 0);
}

TEST_P(BothWays, Near_identical_pages_are_patched_and_one_of_each_group_stays_whole) {
  const Corpus corpus = similar_groups(100, 7, 8);
  const BeyondIdentity result = examine(corpus, GetParam());
  // Eight changed bytes touch both blocks never, one of them in 1 of 29 pages.
  EXPECT_LE(result.patching->contents.value, 700);
  EXPECT_GE(result.patching->contents.value, 695);
  EXPECT_GE(result.patching->saving_pages.value, 0.97 * result.patching->contents.value);
  EXPECT_LT(result.patching->saving_pages.value, result.patching->contents.value);
  EXPECT_EQ(result.zstd_saving_pages.value, 0);
  EXPECT_EQ(result.patching->then_zstd_saving_pages.value, result.patching->saving_pages.value);
}

TEST_P(BothWays, Pages_that_differ_in_more_than_half_are_not_patched) {
  const Corpus corpus = similar_groups(100, 3, 2200);
  const BeyondIdentity result = examine(corpus, GetParam());
  EXPECT_EQ(result.patching->contents.value, 0);
}

TEST_P(BothWays, Text_compresses_and_zstd_saves_more_than_lz4) {
  Corpus corpus;
  Rng rng(43);
  for (int i = 0; i < 200; ++i) corpus.pages.push_back(text_page(rng));
  const BeyondIdentity result = examine(corpus, GetParam());
  EXPECT_GT(result.zstd_saving_pages.value, 150);
  EXPECT_LT(result.zstd_saving_pages.value, 200);
  EXPECT_GT(result.zstd_saving_pages.value, result.lz4_saving_pages.value);
}

TEST_P(BothWays, A_similar_page_that_can_not_be_read_again_is_counted_and_not_used) {
  Corpus corpus = similar_groups(50, 3, 8);
  corpus.gone = true;
  const BeyondIdentity result = examine(corpus, GetParam());
  EXPECT_EQ(result.patching->contents.value, 0);
  EXPECT_GT(result.references_gone, 100U);
}

TEST_P(BothWays, A_similar_page_that_has_changed_since_saves_nothing) {
  const Corpus corpus = similar_groups(50, 3, 8);
  Corpus later;
  Rng rng(44);
  for (std::size_t i = 0; i < corpus.pages.size(); ++i) later.pages.push_back(random_page(rng));
  BeyondExaminer examiner(options_for(GetParam()), Rng(5), corpus.pages.size(), 1);
  for (std::size_t i = 0; i < corpus.pages.size(); ++i) corpus.offer(examiner, 0, i);
  EXPECT_EQ(examiner.finish(later.reread(), corpus.pages.size(), Cancel())
                .value()
                .patching->contents.value,
            0);
}

TEST_P(BothWays, A_worked_example) {
  // Contents after sharing: a page, the same with 16 bytes changed, and one that is a quarter full.
  Rng rng(45);
  Corpus corpus;
  corpus.pages.push_back(random_page(rng));
  corpus.pages.push_back(corpus.pages[0]);
  // Within one aligned block of 64 bytes, so that one of the two compared blocks at least is equal.
  for (std::size_t i = 128; i < 144; ++i) corpus.pages[1][i] ^= std::byte{0x5a};
  corpus.pages.push_back(partly_random_page(rng, kPageSize / 4));
  PageCodec codec;
  const double patch = saved_by_half_rule(codec.patch_size(corpus.pages[1], corpus.pages[0]));
  const double lz4 = saved_by_half_rule(codec.lz4_size(corpus.pages[2]));
  EXPECT_GT(patch, 0.97);
  EXPECT_NEAR(lz4, 0.75, 0.02);
  const BeyondIdentity result = examine(corpus, GetParam());
  EXPECT_EQ(result.patching->contents.value, 1);
  EXPECT_NEAR(result.patching->saving_pages.value, patch, 0.005);
  EXPECT_NEAR(result.lz4_saving_pages.value, lz4, 1e-9);
  EXPECT_NEAR(result.patching->then_lz4_saving_pages.value, patch + lz4, 0.005);
  EXPECT_FALSE(result.patching->saving_pages.interval.has_value());
}

bool same(const Estimate& a, const Estimate& b) {
  if (a.value != b.value || a.interval.has_value() != b.interval.has_value()) return false;
  return !a.interval ||
         (a.interval->low == b.interval->low && a.interval->high == b.interval->high);
}

TEST_P(BothWays, Neither_the_order_nor_the_number_of_threads_matters) {
  Corpus corpus = similar_groups(150, 3, 40);
  Rng rng(46);
  for (int i = 0; i < 200; ++i) corpus.pages.push_back(text_page(rng));
  const BeyondIdentity in_order = examine(corpus, GetParam(), 5, 100);

  std::vector<std::size_t> shuffled(corpus.pages.size());
  std::iota(shuffled.begin(), shuffled.end(), 0);
  rng.shuffle(std::span(shuffled));
  BeyondExaminer examiner(options_for(GetParam(), 100), Rng(5), corpus.pages.size(), 4);
  std::vector<std::jthread> threads;
  for (unsigned worker = 0; worker < 4; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::size_t i = worker; i < shuffled.size(); i += 4) {
        corpus.offer(examiner, worker, shuffled[i]);
      }
    });
  }
  threads.clear();
  const BeyondIdentity threaded =
      examiner.finish(corpus.reread(), corpus.pages.size(), Cancel()).value();
  EXPECT_EQ(threaded.examined, in_order.examined);
  EXPECT_TRUE(same(threaded.patching->contents, in_order.patching->contents));
  EXPECT_TRUE(same(threaded.lz4_saving_pages, in_order.lz4_saving_pages));
  EXPECT_TRUE(same(threaded.zstd_saving_pages, in_order.zstd_saving_pages));
  if (GetParam() == Beyond::exact) {
    EXPECT_EQ(threaded.patching->then_zstd_saving_pages.value,
              in_order.patching->then_zstd_saving_pages.value);
  }
}

TEST(BeyondExaminer, A_page_that_others_are_patched_against_is_not_compressed) {
  Rng rng(47);
  Corpus corpus;
  corpus.pages.push_back(partly_random_page(rng, kPageSize / 4));
  corpus.pages.push_back(corpus.pages[0]);
  corpus.pages[1][8] ^= std::byte{0xff};
  const BeyondIdentity result = examine(corpus, Beyond::exact);
  EXPECT_EQ(result.patching->contents.value, 1);
  EXPECT_NEAR(result.lz4_saving_pages.value, 1.5, 0.05);
  EXPECT_EQ(result.patching->then_lz4_saving_pages.value, result.patching->saving_pages.value);
}

TEST(BeyondExaminer, A_patched_page_is_no_reference) {
  // Of a pair only ever one is patched, whichever comes first.
  const Corpus corpus = similar_groups(200, 1, 8);
  for (const std::uint64_t seed : {1U, 2U, 3U}) {
    EXPECT_LE(examine(corpus, Beyond::exact, seed).patching->contents.value, 200);
    EXPECT_LE(examine(corpus, Beyond::sampled, seed).patching->contents.value, 200);
  }
}

TEST(BeyondExaminer, A_sample_is_scaled_to_all_contents) {
  Corpus corpus;
  Rng rng(48);
  for (int i = 0; i < 2000; ++i) {
    corpus.pages.push_back(i % 2 == 0 ? random_page(rng) : partly_random_page(rng, 1024));
  }
  const BeyondIdentity result = examine(corpus, Beyond::sampled, 5, 400);
  EXPECT_EQ(result.examined, 400U);
  EXPECT_EQ(result.contents, 2000U);
  ASSERT_TRUE(result.lz4_saving_pages.interval.has_value());
  EXPECT_NEAR(result.lz4_saving_pages.value, 750, 120);
  EXPECT_LT(result.lz4_saving_pages.interval->low, result.lz4_saving_pages.value);
  EXPECT_GT(result.lz4_saving_pages.interval->high, result.lz4_saving_pages.value);
}

// `similar`: how many pages are like one. The blocks compared are the seed's, so what a sample is
// to tell is what `exact` finds with the same seed.
void expect_coverage(std::size_t groups, std::size_t similar) {
  Corpus corpus = similar_groups(groups, similar, 8);
  Rng rng(49);
  for (int i = 0; i < 300; ++i) {
    corpus.pages.push_back(i % 3 == 0 ? partly_random_page(rng, 300 + 4 * i) : random_page(rng));
  }
  constexpr int kSeeds = 300;
  int lz4_held = 0;
  int patch_held = 0;
  for (std::uint64_t seed = 1000; seed < 1000 + kSeeds; ++seed) {
    const BeyondIdentity exact = examine(corpus, Beyond::exact, seed);
    const BeyondIdentity sampled = examine(corpus, Beyond::sampled, seed, 150);
    const auto held = [](const Estimate& estimate, double truth) {
      return estimate.interval->low <= truth && truth <= estimate.interval->high;
    };
    lz4_held += held(sampled.lz4_saving_pages, exact.lz4_saving_pages.value) ? 1 : 0;
    patch_held += held(sampled.patching->saving_pages, exact.patching->saving_pages.value) ? 1 : 0;
  }
  // 95 %, give or take what 300 seeds leave open (two standard deviations are 2.5 %).
  EXPECT_GE(lz4_held, 0.925 * kSeeds);
  EXPECT_LE(lz4_held, 0.98 * kSeeds);
  EXPECT_GE(patch_held, 0.925 * kSeeds);
  EXPECT_LE(patch_held, 0.98 * kSeeds);
}

TEST(BeyondExaminer, Intervals_of_a_sample_cover_the_exact_figure_of_groups) {
  expect_coverage(50, 5);
}

TEST(BeyondExaminer, Intervals_of_a_sample_cover_the_exact_figure_of_pairs) {
  expect_coverage(150, 1);
}

TEST(BeyondExaminer, Memory_is_the_sample_and_32_bytes_a_content) {
  const BeyondExaminer examiner(options_for(Beyond::sampled), Rng(1), 1 << 20, 2);
  EXPECT_LE(examiner.memory_bytes(), 4096 * kPageSize + (32ULL << 20) + (1 << 16));
}

TEST(BeyondExaminer, No_contents_at_all_give_zero) {
  for (const Beyond beyond : {Beyond::sampled, Beyond::exact}) {
    const BeyondIdentity result = examine(Corpus{}, beyond);
    EXPECT_EQ(result.examined, 0U);
    EXPECT_EQ(result.patching->then_zstd_saving_pages.value, 0);
  }
}

}  // namespace
}  // namespace brim::share
