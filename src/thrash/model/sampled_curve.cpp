// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/sampled_curve.h"

#include "base/stats.h"
#include "thrash/model/replay.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <numeric>

#include <fmt/format.h>

namespace brim::thrash::model {
namespace {

// 32 bits of splitmix64's finalizer.
std::uint32_t page_hash(PageNumber page, std::uint64_t key) {
  std::uint64_t z = key ^ page;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return static_cast<std::uint32_t>((z ^ (z >> 31)) >> 32);
}

// Hashes below it are sampled. The rate is less than 1.
std::uint32_t threshold(double rate) { return static_cast<std::uint32_t>(rate * 0x1p32); }

struct SampledReference {
  Reference reference;  // of a page numbered within the sample
  std::uint32_t hash = 0;
  std::uint64_t time = 0;  // in the whole trace; the first reference has 1
};

// The references to the pages of some hashes.
class PageSample {
 public:
  PageSample(const PageTrace& trace, std::uint64_t key, double rate) : pages_(trace.pages) {
    const std::uint32_t below = threshold(rate);
    for (std::size_t i = 0; i < trace.references.size(); ++i) {
      const std::uint32_t hash = page_hash(trace.references[i].page(), key);
      if (hash < below) references_.push_back({trace.references[i], hash, i + 1});
    }
    number_pages();
  }

  [[nodiscard]] const std::vector<SampledReference>& references() const { return references_; }
  [[nodiscard]] std::size_t pages() const { return pages_; }

  // To a rate at most what it has.
  void thin(double rate) {
    std::erase_if(references_,
                  [below = threshold(rate)](const auto& one) { return one.hash >= below; });
    number_pages();
  }

 private:
  // Anew, by first reference.
  void number_pages() {
    std::vector<PageNumber> numbers(pages_, kNoPage);
    pages_ = 0;
    for (SampledReference& one : references_) {
      PageNumber& number = numbers[one.reference.page()];
      if (number == kNoPage) number = static_cast<PageNumber>(pages_++);
      one.reference = Reference(number, one.reference.access());
    }
  }

  std::vector<SampledReference> references_;
  std::size_t pages_;
};

// As replay() has it, but for the clock, which jumps over what is not sampled.
std::uint64_t faults_of_sample(const PageSample& sample, const ChosenPolicy& chosen,
                               std::size_t frames, const Rng& rng) {
  PageTable table(sample.pages());
  const std::unique_ptr<Replacement> policy =
      chosen.policy->make(table, frames, chosen.settings, rng);
  std::vector<bool> resident(sample.pages());
  std::size_t used = 0;
  std::uint64_t faults = 0;
  const auto leave = [&](PageNumber page) {
    table.write_back(page);
    resident[page] = false;
    --used;
  };
  for (const SampledReference& one : sample.references()) {
    const PageNumber page = one.reference.page();
    table.advance(one.time - table.now());
    for (PageNumber gone = policy->leaving(); gone != kNoPage; gone = policy->leaving())
      leave(gone);
    table.note(page, one.reference.access());
    if (resident[page]) {
      policy->hit(page, one.reference.access());
      continue;
    }
    ++faults;
    policy->miss(page);
    if (used == frames) leave(policy->victim());
    policy->load(page, one.reference.access());
    resident[page] = true;
    ++used;
  }
  return faults;
}

// How one number of frames is estimated.
struct SizePlan {
  std::size_t place;  // in what was asked for
  std::size_t frames;
  std::size_t sample_frames;
  double rate;
  std::vector<double> ratios{};  // of each sample
};

Result<> check(const PageTrace& trace, const ChosenPolicy& policy,
               std::span<const std::size_t> frames, const SamplingKnobs& knobs) {
  const auto bad = [](std::string what) {
    return fail(ErrorCode::bad_input, std::move(what), "sampled miss ratios");
  };
  if (policy.policy->make == nullptr)
    return bad(fmt::format("{} must know the future, of which a sample has too little",
                           policy.policy->family.name));
  if (!(knobs.rate > 0 && knobs.rate <= 1))
    return bad(fmt::format("a rate of {}; expected more than 0, at most 1", knobs.rate));
  if (knobs.samples < 2) return bad(fmt::format("{} samples; expected 2 or more", knobs.samples));
  if (!(knobs.confidence > 0 && knobs.confidence < 1))
    return bad(fmt::format("a confidence of {}; expected one between 0 and 1", knobs.confidence));
  if (std::ranges::count(frames, 0) > 0) return bad("0 frames; expected 1 or more");
  if (trace.references.empty()) return bad("a trace of no references");
  return {};
}

SizePlan plan_size(std::size_t place, std::size_t frames, const SamplingKnobs& knobs) {
  const auto whole = static_cast<double>(frames);
  const double least = std::max(static_cast<double>(knobs.least_frames), 1.0);
  const double sample_frames = std::ceil(std::max(whole * knobs.rate, least));
  if (sample_frames * static_cast<double>(knobs.samples) >= whole)
    return {.place = place, .frames = frames, .sample_frames = frames, .rate = 1};
  return {.place = place,
          .frames = frames,
          .sample_frames = static_cast<std::size_t>(sample_frames),
          .rate = sample_frames / whole};
}

SampledMissRatio summary_of(const SizePlan& size, double confidence) {
  SampledMissRatio summary{.frames = size.frames,
                           .miss_ratio = std::clamp(mean(size.ratios), 0.0, 1.0),
                           .rate = size.rate,
                           .samples = size.ratios.size()};
  summary.low = summary.high = summary.miss_ratio;
  if (const auto interval = student_t_interval(size.ratios, confidence)) {
    summary.low = std::clamp(interval->low, 0.0, 1.0);
    summary.high = std::clamp(interval->high, 0.0, 1.0);
  }
  return summary;
}

// Estimates a trace's sizes, each of which notes its own ratios.
class MiniatureReplays {
 public:
  MiniatureReplays(const PageTrace& trace, const ChosenPolicy& policy, const Rng& rng,
                   const Cancel& cancel)
      : trace_(trace), policy_(policy), rng_(rng), cancel_(cancel) {}

  void whole(SizePlan& size) const {
    const ReplayCounts counts = policy_.policy->replay(
        {.trace = trace_, .frames = size.frames, .rng = rng_, .cancel = cancel_}, policy_.settings);
    size.ratios.push_back(static_cast<double>(counts.faults) / references());
  }

  // `sizes` by falling rates, all below 1: each sample is thinned from one to the next.
  void sampled(std::span<SizePlan> sizes, std::uint64_t number) const {
    if (sizes.empty()) return;
    PageSample sample(trace_, rng_.split("page sample", number).next(), sizes.front().rate);
    for (SizePlan& size : sizes) {
      if (cancel_.requested()) return;
      sample.thin(size.rate);
      const std::uint64_t faults =
          faults_of_sample(sample, policy_, size.sample_frames, rng_.split("sampled run", number));
      size.ratios.push_back(static_cast<double>(faults) / (size.rate * references()));
    }
  }

 private:
  [[nodiscard]] double references() const { return static_cast<double>(trace_.references.size()); }

  const PageTrace& trace_;
  const ChosenPolicy& policy_;
  const Rng& rng_;
  const Cancel& cancel_;
};

}  // namespace

Result<std::vector<SampledMissRatio>> sampled_miss_ratios(const PageTrace& trace,
                                                          const ChosenPolicy& policy,
                                                          std::span<const std::size_t> frames,
                                                          const SamplingKnobs& knobs,
                                                          const Rng& rng, const Cancel& cancel) {
  BRIM_CHECK(check(trace, policy, frames, knobs));
  std::vector<SizePlan> sizes;
  for (std::size_t i = 0; i < frames.size(); ++i) sizes.push_back(plan_size(i, frames[i], knobs));
  std::ranges::stable_sort(sizes, std::ranges::greater{}, &SizePlan::rate);
  const auto sampled = std::ranges::find_if(sizes, [](const auto& one) { return one.rate < 1; });

  const MiniatureReplays replays(trace, policy, rng, cancel);
  for (SizePlan& size : std::span(sizes.begin(), sampled)) replays.whole(size);
  for (std::uint64_t number = 0; number < knobs.samples; ++number)
    replays.sampled(std::span(sampled, sizes.end()), number);
  if (cancel.requested()) return fail(ErrorCode::interrupted, "stopped");

  std::vector<SampledMissRatio> estimates(frames.size());
  for (const SizePlan& size : sizes) estimates[size.place] = summary_of(size, knobs.confidence);
  return estimates;
}

}  // namespace brim::thrash::model
