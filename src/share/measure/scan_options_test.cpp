// SPDX-License-Identifier: Apache-2.0
// Options of a scan that meet each other, and what goes through scan() as a whole.
#include "share/measure/scan.h"
#include "share/measure/test_subjects.h"

#include <thread>

#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

TEST(Sampled_scan_with_confirm, Finds_the_same_as_without_and_compares_what_it_keeps) {
  std::vector<std::uint64_t> contents;
  for (std::uint64_t i = 0; i < 2000; ++i) contents.push_back(1 + i % 700);
  Subjects subjects;
  subjects.push_back(image_of("a", contents));
  subjects.push_back(image_of("b", contents));
  ScanOptions options = plain_options();
  options.sample = 0.3;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    options.confirm = false;
    const ScanResult trusting = must_scan(subjects, options, seed);
    options.confirm = true;
    const ScanResult confirming = must_scan(subjects, options, seed);
    const Potential& a = trusting.results[0].potential;
    const Potential& b = confirming.results[0].potential;
    EXPECT_EQ(a.used_pages.value, b.used_pages.value);
    EXPECT_EQ(a.minimum_pages.value, b.minimum_pages.value);
    EXPECT_EQ(a.intra_saving_pages.value, b.intra_saving_pages.value);
    EXPECT_EQ(a.inter_saving_pages.value, b.inter_saving_pages.value);
    EXPECT_EQ(trusting.heavy_contents, confirming.heavy_contents);
    EXPECT_EQ(trusting.confirmed_pages, 0);
    EXPECT_EQ(confirming.collisions, 0);
    EXPECT_EQ(confirming.unconfirmed_pages, 0);
    // Each content kept has 4 or 6 copies (of 4000 pages), of which all but the first are compared.
    EXPECT_GT(confirming.confirmed_pages, 3 * 700 * 0.2);
    EXPECT_LT(confirming.confirmed_pages, 4000 - 700);
  }
}

// Pages by their bytes.
class PlantedSubject final : public Subject {
 public:
  explicit PlantedSubject(std::vector<std::byte> bytes)
      : bytes_(std::move(bytes)), part_{0, bytes_.size() / kPageSize} {}
  [[nodiscard]] SubjectKind kind() const override { return SubjectKind::image; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string identified_by() const override { return "test"; }
  [[nodiscard]] std::span<const Part> parts() const override { return {&part_, 1}; }
  [[nodiscard]] brim::Pages readable_pages() const override { return brim::Pages(part_.count); }
  [[nodiscard]] bool has_facts() const override { return false; }
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override {
    class Reader final : public SubjectReader {
     public:
      explicit Reader(const PlantedSubject& subject) : subject_(subject) {}
      Result<UnreadPages> read(const Part&, const BatchSink& sink) override {
        sink(PageBatch{.first_page = 0, .bytes = subject_.bytes_, .facts = {}});
        return UnreadPages{};
      }
      Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) override {
        std::memcpy(out.data(), subject_.bytes_.data() + page * kPageSize, kPageSize);
        return {};
      }

     private:
      const PlantedSubject& subject_;
    };
    return std::make_unique<Reader>(*this);
  }

 private:
  std::string name_ = "planted";
  std::vector<std::byte> bytes_;
  Part part_;
};

constexpr std::uint64_t kEach = 300;

// Random pages, near copies of them, pages of one repeated line, and pairs.
Subjects planted() {
  std::vector<std::byte> bytes(4 * kEach * kPageSize);
  const auto page = [&bytes](std::uint64_t number) {
    return std::span<std::byte, kPageSize>(bytes.data() + number * kPageSize, kPageSize);
  };
  for (std::uint64_t i = 0; i < kEach; ++i) {
    fill_page(1 + i, page(4 * i));
    fill_page(1 + i, page(4 * i + 1));
    page(4 * i + 1)[2000] ^= std::byte{1};  // near the first
    fill_page(1000 + i, page(4 * i + 2));
    for (std::size_t at = 64; at < kPageSize; ++at)
      page(4 * i + 2)[at] = page(4 * i + 2)[at - 64];  // one line over and over
    fill_page(5000 + i / 2, page(4 * i + 3));          // pairs
  }
  Subjects subjects;
  subjects.push_back(std::make_unique<PlantedSubject>(std::move(bytes)));
  return subjects;
}

TEST(Scan_beyond_identity, Exact_finds_what_was_planted) {
  ScanOptions options = plain_options();
  options.beyond = Beyond::exact;
  const ScanResult result = must_scan(planted(), options);
  ASSERT_TRUE(result.beyond);
  const BeyondIdentity& beyond = *result.beyond;
  EXPECT_FALSE(beyond.sampled);
  EXPECT_EQ(result.results[0].potential.minimum_pages.value, 3 * kEach + kEach / 2);
  EXPECT_EQ(beyond.contents, 3 * kEach + kEach / 2);
  EXPECT_EQ(beyond.examined, beyond.contents);
  // One of each pair of near pages; the repeated lines are all compressible, nothing else is.
  EXPECT_GE(beyond.patching->contents.value, 0.9 * kEach);
  EXPECT_LE(beyond.patching->contents.value, 1.0 * kEach);
  EXPECT_GT(beyond.lz4_saving_pages.value, 0.9 * kEach);
  EXPECT_LE(beyond.lz4_saving_pages.value, 1.0 * kEach);
  EXPECT_GE(beyond.patching->then_lz4_saving_pages.value, beyond.lz4_saving_pages.value);
  EXPECT_FALSE(beyond.lz4_saving_pages.interval);
}

TEST(Scan_beyond_identity, Sampled_and_exact_agree) {
  const Subjects subjects = planted();
  ScanOptions options = plain_options();
  options.beyond = Beyond::exact;
  const BeyondIdentity exact = must_scan(subjects, options).beyond.value();
  options.beyond = Beyond::sampled;
  options.beyond_pages = 200;
  constexpr int kSeeds = 60;
  int covered = 0;
  double sum = 0;
  for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
    const BeyondIdentity sampled = must_scan(subjects, options, seed).beyond.value();
    EXPECT_TRUE(sampled.sampled);
    EXPECT_LE(sampled.examined, 200);
    EXPECT_EQ(sampled.contents, exact.contents);
    const auto& interval = sampled.zstd_saving_pages.interval;
    ASSERT_TRUE(interval);
    covered += interval->low <= exact.zstd_saving_pages.value &&
                       exact.zstd_saving_pages.value <= interval->high
                   ? 1
                   : 0;
    sum += sampled.zstd_saving_pages.value;
  }
  EXPECT_GE(covered, 52);  // of 60 at 95 %: fewer by chance once in 200
  EXPECT_NEAR(sum / kSeeds / exact.zstd_saving_pages.value, 1, 0.05);
}

// 2,000 contents that don't compress, one copy each, and 60 that do, of 40 copies each: these are
// kept by any sample of contents, and must not stand for the others.
Subjects heavy_and_compressible() {
  constexpr std::uint64_t kSingle = 2000;
  constexpr std::uint64_t kHeavy = 60;
  constexpr std::uint64_t kCopies = 40;
  std::vector<std::byte> bytes((kSingle + kHeavy * kCopies) * kPageSize);
  const auto page = [&bytes](std::uint64_t number) {
    return std::span<std::byte, kPageSize>(bytes.data() + number * kPageSize, kPageSize);
  };
  for (std::uint64_t i = 0; i < kSingle; ++i) fill_page(1 + i, page(i));
  for (std::uint64_t i = 0; i < kHeavy * kCopies; ++i) {
    const auto line = page(kSingle + i);
    fill_page(10'000 + i % kHeavy, line);
    for (std::size_t at = 64; at < kPageSize; ++at) line[at] = line[at - 64];
  }
  Subjects subjects;
  subjects.push_back(std::make_unique<PlantedSubject>(std::move(bytes)));
  return subjects;
}

TEST(Scan_beyond_identity, Over_a_sample_of_contents_compression_stays_unbiased) {
  for (const double share : {0.5, 0.1}) {
    const Subjects subjects = share > 0.2 ? planted() : heavy_and_compressible();
    ScanOptions options = plain_options();
    options.beyond = Beyond::exact;
    const BeyondIdentity exact = must_scan(subjects, options).beyond.value();
    options.beyond = Beyond::sampled;
    options.sample = share;
    double sum = 0;
    constexpr int kSeeds = 60;
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
      const ScanResult result = must_scan(subjects, options, seed);
      ASSERT_TRUE(result.beyond);
      EXPECT_NEAR(static_cast<double>(result.beyond->contents),
                  result.results[0].potential.minimum_pages.value, 0.5);
      sum += result.beyond->lz4_saving_pages.value;
    }
    // 60 seeds of some 6 compressible contents each: 5 % standard error.
    EXPECT_NEAR(sum / kSeeds / exact.lz4_saving_pages.value, 1, share > 0.2 ? 0.1 : 0.2) << share;
  }
}

TEST(Scan_beyond_identity, Over_a_sample_of_contents_patching_is_not_told) {
  ScanOptions options = plain_options();
  options.beyond = Beyond::sampled;
  options.sample = 0.5;
  EXPECT_FALSE(must_scan(planted(), options).beyond->patching);
  options.sample = 1;
  EXPECT_TRUE(must_scan(planted(), options).beyond->patching);
}

Error refusal(const Subjects& subjects, const ScanOptions& options, const Cancel& cancel = {}) {
  Progress progress;
  const auto result = scan(subjects, options, Rng(1), progress, cancel);
  return result ? Error{} : result.error();
}

TEST(Scan_beyond_identity, Exact_over_a_sample_is_refused) {
  ScanOptions options = plain_options();
  options.beyond = Beyond::exact;
  options.sample = 0.5;
  EXPECT_EQ(refusal(planted(), options).code, ErrorCode::bad_input);
}

TEST(Scan_cancelled, Between_two_looks_tells_the_potential_of_the_first) {
  const std::vector<std::uint64_t> contents = {0, 1, 1, 2, 3, 0, 3, 3};
  Subjects subjects;
  subjects.push_back(image_of("a", contents));
  ScanOptions options = plain_options();
  options.second_look = std::chrono::hours(1);
  options.beyond = Beyond::sampled;
  Progress progress;
  Cancel cancel;
  std::jthread stop([&cancel] {
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    cancel.request();
  });
  const auto result = scan(subjects, options, Rng(1), progress, cancel);
  ASSERT_TRUE(result);
  EXPECT_TRUE(result->partial);
  const Potential& potential = result->results[0].potential;
  EXPECT_EQ(potential.zero_pages.value, 2);
  EXPECT_EQ(potential.used_pages.value, 6);
  EXPECT_EQ(potential.minimum_pages.value, 3);
  EXPECT_EQ(potential.intra_saving_pages.value, 3);
  EXPECT_FALSE(result->has_facts || result->beyond || result->changing_pages);
}

TEST(Scan_cancelled, Before_anything_was_read_is_partial_and_empty) {
  Cancel cancel;
  cancel.request();
  Progress progress;
  for (const bool two_looks : {false, true}) {
    ScanOptions options = plain_options();
    if (two_looks) options.second_look = std::chrono::hours(1);
    const Subjects subjects = planted();
    const auto result = scan(subjects, options, Rng(1), progress, cancel);
    ASSERT_TRUE(result);
    EXPECT_TRUE(result->partial);
    EXPECT_EQ(result->results[0].potential.used_pages.value, 0);
  }
}

TEST(Scan_of_2_MiB_pages_alone, Tells_nothing_that_is_counted_in_4_KiB_pages) {
  std::vector<FakePage> pages;
  for (std::uint64_t i = 0; i < 2048; ++i) {
    FakePage page{1 + i % 512, true, {}};
    page.facts = {.frame = 1000 + i % 1024, .map_count = 2, .cause = Cause::not_mergeable};
    pages.push_back(page);
  }
  Subjects subjects;
  subjects.push_back(std::make_unique<FakeSubject>("vm", SubjectKind::vm, pages, true));
  ScanOptions options = plain_options();
  options.beyond = Beyond::sampled;
  options.page_2m = true;
  const ScanResult both = must_scan(subjects, options);
  EXPECT_TRUE(both.has_facts);
  EXPECT_GT(both.real.saved_pages, 0);
  options.page_4k = false;
  const ScanResult huge = must_scan(subjects, options);
  ASSERT_EQ(huge.results.size(), 1);
  EXPECT_EQ(huge.results[0].page_size_bytes, kHugePageSize);
  EXPECT_EQ(huge.results[0].potential.intra_saving_pages.value, 3);
  EXPECT_FALSE(huge.has_facts);
  EXPECT_FALSE(huge.why_no_facts.empty());
  EXPECT_EQ(huge.real.saved_pages, 0);
  EXPECT_FALSE(huge.efficiency_percent || huge.beyond || huge.hidden_by_huge_pages);
  EXPECT_TRUE(huge.groups.empty());
  EXPECT_EQ(huge.matrix.subjects, 0);
}

}  // namespace
}  // namespace brim::share::test
