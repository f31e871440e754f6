// SPDX-License-Identifier: Apache-2.0
// Whether sampled scans are right: intervals that cover as often as they say, no bias, heavy
// contents exact.
#include "share/measure/content_sample.h"

#include "base/threads.h"
#include "share/measure/test_subjects.h"

#include <array>
#include <cmath>

#include <gtest/gtest.h>

namespace brim::share::test {
namespace {

// Pages made once: a thousand scans read them.
class StoredSubject final : public Subject {
 public:
  StoredSubject(std::string name, const std::vector<std::uint64_t>& contents)
      : name_(std::move(name)), bytes_(contents.size() * kPageSize), part_{0, contents.size()} {
    for (std::size_t i = 0; i < contents.size(); ++i)
      fill_page(contents[i], std::span<std::byte, kPageSize>(page(i), kPageSize));
  }
  [[nodiscard]] SubjectKind kind() const override { return SubjectKind::image; }
  [[nodiscard]] const std::string& name() const override { return name_; }
  [[nodiscard]] std::string identified_by() const override { return "test"; }
  [[nodiscard]] std::span<const Part> parts() const override { return {&part_, 1}; }
  [[nodiscard]] Pages readable_pages() const override { return Pages(part_.count); }
  [[nodiscard]] bool has_facts() const override { return false; }
  [[nodiscard]] Result<std::unique_ptr<SubjectReader>> reader() const override {
    class Reader final : public SubjectReader {
     public:
      explicit Reader(const StoredSubject& subject) : subject_(subject) {}
      Result<UnreadPages> read(const Part&, const BatchSink& sink) override {
        PageBatch batch;
        batch.bytes = subject_.bytes_;
        sink(batch);
        return UnreadPages{};
      }
      Result<void> reread(std::uint64_t page, std::span<std::byte, kPageSize> out) override {
        std::memcpy(out.data(), subject_.bytes_.data() + page * kPageSize, kPageSize);
        return {};
      }

     private:
      const StoredSubject& subject_;
    };
    return std::make_unique<Reader>(*this);
  }

 private:
  std::byte* page(std::size_t i) { return bytes_.data() + i * kPageSize; }
  std::string name_;
  std::vector<std::byte> bytes_;
  Part part_;
};

using Population = std::vector<std::vector<std::uint64_t>>;  // contents by subject

// 8 VMs of one OS; half of each is one and the same page, the study's load. 400 pages a VM, times
// `scale`.
Population study_load(std::uint64_t scale = 1) {
  Population vms(8);
  for (std::uint64_t v = 0; v < vms.size(); ++v) {
    const std::uint64_t own = 10000 * (v + 1);
    for (std::uint64_t i = 0; i < 200 * scale; ++i) vms[v].push_back(1);
    for (std::uint64_t i = 0; i < 80 * scale; ++i) vms[v].push_back(1000 + i);  // the OS
    for (std::uint64_t i = 0; i < 100 * scale; ++i) vms[v].push_back(own + i);  // its own
    for (std::uint64_t i = 0; i < 20 * scale; ++i) vms[v].push_back(own + i);   // twice
  }
  return vms;
}

// Copies by Zipf's law, dealt out to 4 VMs: some 2,200 pages, times `scale`.
Population power_law(std::uint64_t scale = 1) {
  Population vms(4);
  Rng rng(5);
  for (std::uint64_t content = 1; content <= 1200 * scale; ++content)
    for (std::uint64_t copies = std::max<std::uint64_t>(1, 200 * scale / content); copies > 0;
         --copies)
      vms[rng.below(4)].push_back(content);
  return vms;
}

// Nearly all pages unlike any other; some are in two VMs, some twice in one. 3,700
// pages, times `scale`.
Population mostly_unique(std::uint64_t scale = 1) {
  Population vms(4);
  for (std::uint64_t v = 0; v < 4; ++v)
    for (std::uint64_t i = 0; i < 600 * scale; ++i) vms[v].push_back(10000 * (v + 1) + i);
  for (std::uint64_t i = 0; i < 400 * scale; ++i) {
    vms[i % 4].push_back(100000 + i);
    vms[(i + 1) % 4].push_back(100000 + i);
  }
  for (std::uint64_t i = 0; i < 250 * scale; ++i)
    for (int copy = 0; copy < 2; ++copy) vms[i % 4].push_back(200000 + i);
  return vms;
}

struct Coverage {
  int minimum = 0;
  int intra = 0;
  int inter = 0;
  int distinct = 0;  // of the first subject
  double minimum_sum = 0;
  double intra_sum = 0;

  Coverage& operator+=(const Coverage& other) {
    minimum += other.minimum;
    intra += other.intra;
    inter += other.inter;
    distinct += other.distinct;
    minimum_sum += other.minimum_sum;
    intra_sum += other.intra_sum;
    return *this;
  }
};

bool covers(const Estimate& estimate, double truth) {
  return estimate.interval && estimate.interval->low <= truth && truth <= estimate.interval->high;
}

constexpr int kSampleSeeds = 1000;

void count_covered(const ScanResult& result, const ScanResult& exact, Coverage& covered) {
  const Potential& truth = exact.results[0].potential;
  const Potential& found = result.results[0].potential;
  EXPECT_EQ(found.used_pages.value, truth.used_pages.value);
  EXPECT_FALSE(found.used_pages.interval);
  EXPECT_NEAR(
      found.minimum_pages.value + found.intra_saving_pages.value + found.inter_saving_pages.value,
      found.used_pages.value, 1e-6);
  covered.minimum += covers(found.minimum_pages, truth.minimum_pages.value) ? 1 : 0;
  covered.intra += covers(found.intra_saving_pages, truth.intra_saving_pages.value) ? 1 : 0;
  covered.inter += covers(found.inter_saving_pages, truth.inter_saving_pages.value) ? 1 : 0;
  covered.distinct += covers(result.results[0].subjects[0].distinct_pages,
                             exact.results[0].subjects[0].distinct_pages.value)
                          ? 1
                          : 0;
  covered.minimum_sum += found.minimum_pages.value;
  covered.intra_sum += found.intra_saving_pages.value;
}

void expect_coverage(const Population& population, double share) {
  Subjects subjects;
  for (std::size_t v = 0; v < population.size(); ++v)
    subjects.push_back(std::make_unique<StoredSubject>(std::to_string(v), population[v]));
  const ScanResult exact = must_scan(subjects, plain_options());
  ScanOptions options = plain_options();
  options.sample = share;
  constexpr unsigned kThreads = 2;
  std::array<Coverage, kThreads> of_thread;
  run_on_threads(kThreads, [&](unsigned thread) {
    for (unsigned seed = thread; seed < kSampleSeeds; seed += kThreads)
      count_covered(must_scan(subjects, options, seed), exact, of_thread[thread]);
  });
  Coverage covered;
  for (const Coverage& some : of_thread) covered += some;
  for (const int count : {covered.minimum, covered.intra, covered.inter, covered.distinct}) {
    EXPECT_GE(count, kSampleSeeds * 93 / 100);
    EXPECT_LE(count, kSampleSeeds * 97 / 100);
  }
  // Of small samples many are cut to what the known number of pages allows, which lowers the mean.
  const Potential& truth = exact.results[0].potential;
  EXPECT_NEAR(covered.minimum_sum / kSampleSeeds / truth.minimum_pages.value, 1,
              share < 0.1 ? 0.04 : 0.02);
  EXPECT_NEAR(covered.intra_sum / kSampleSeeds, truth.intra_saving_pages.value,
              0.02 * truth.used_pages.value);
}

TEST(Sampled_scan, Intervals_cover_95_percent_on_the_studys_load) {
  expect_coverage(study_load(10), 0.01);
}
TEST(Sampled_scan, Intervals_cover_95_percent_on_a_power_law) {
  expect_coverage(power_law(20), 0.01);
}
TEST(Sampled_scan, Intervals_cover_95_percent_on_mostly_unique_pages) {
  expect_coverage(mostly_unique(10), 0.01);
}
TEST(Sampled_scan, Intervals_cover_95_percent_of_a_larger_share) {
  expect_coverage(study_load(), 0.2);
  expect_coverage(power_law(), 0.2);
  expect_coverage(mostly_unique(), 0.2);
}

TEST(Sampled_scan, Counts_a_heavy_content_exactly) {
  const Population population = study_load();
  Subjects subjects;
  for (const auto& contents : population)
    subjects.push_back(std::make_unique<StoredSubject>("vm", contents));
  ScanOptions options = plain_options();
  options.sample = 0.01;
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const ScanResult result = must_scan(subjects, options, seed);
    ASSERT_FALSE(result.groups.empty());
    EXPECT_EQ(result.groups[0].copies, 1600);
    EXPECT_GE(result.heavy_contents, 1);
  }
}

TEST(Sampled_scan, Of_everything_is_the_exact_scan) {
  Subjects subjects;
  subjects.push_back(image_of("a", {1, 1, 2, 3}));
  ScanOptions options = plain_options();
  options.sample = 1.0;
  const ScanResult result = must_scan(subjects, options);
  EXPECT_EQ(result.results[0].potential.minimum_pages.value, 3);
  EXPECT_FALSE(result.results[0].potential.minimum_pages.interval);
}

}  // namespace
}  // namespace brim::share::test
