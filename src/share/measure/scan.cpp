// SPDX-License-Identifier: Apache-2.0
#include "share/measure/scan.h"

#include "share/measure/findings.h"
#include "share/measure/index_figures.h"
#include "share/measure/look.h"
#include "share/measure/scan_engine.h"

#include <algorithm>
#include <cmath>
#include <new>
#include <thread>

namespace brim::share {
namespace {

using Clock = std::chrono::steady_clock;
using Subjects = std::span<const std::unique_ptr<Subject>>;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// One scan, in the order of its functions.
class Scan {
 public:
  Scan(const PageHasher& hasher, Subjects subjects, const ScanOptions& options, const Rng& rng,
       Progress& progress, const Cancel& cancel)
      : hasher_(hasher),
        subjects_(subjects),
        options_(options),
        rng_(rng),
        progress_(progress),
        cancel_(cancel),
        list_(subjects),
        threads_(thread_count()) {}

  Result<ScanResult> run() {
    const auto start = Clock::now();
    BRIM_CHECK(check());
    if (options_.sample && *options_.sample < 1) choose_contents();
    BRIM_CHECK(make_indexes());
    if (options_.second_look) BRIM_CHECK(look_first());
    if (options_.second_look && cancel_.requested())
      count_first_look();
    else
      BRIM_CHECK(look_and_count());
    BRIM_CHECK(anything_read());
    report();
    result_.partial =
        cancel_.requested() || std::any_of(read_.errors.begin(), read_.errors.end(),
                                           [](const auto& error) { return error.has_value(); });
    result_.seconds = seconds_since(start);
    return std::move(result_);
  }

 private:
  [[nodiscard]] unsigned thread_count() const {
    const unsigned wanted =
        options_.threads > 0 ? options_.threads : std::max(1U, std::thread::hardware_concurrency());
    return static_cast<unsigned>(
        std::clamp<std::size_t>(wanted, 1, std::max<std::size_t>(1, list_.parts().size())));
  }

  Result<void> check() {
    if (subjects_.empty()) return fail(ErrorCode::bad_input, "nothing to scan: no subjects");
    if (subjects_.size() >= PageIndex::kMostSubjects)
      return fail(ErrorCode::bad_input, "too many subjects for one scan");
    if (options_.sample && !(*options_.sample > 0 && *options_.sample <= 1))
      return fail(ErrorCode::bad_input, "the sample must be more than 0 and at most 1 (100%)");
    if (options_.beyond == Beyond::exact && options_.sample && *options_.sample < 1)
      return fail(
          ErrorCode::bad_input,
          "beyond identity can't be exact over a sample; leave out one of --beyond exact and "
          "--sample");
    if (!options_.page_4k && !options_.page_2m)
      return fail(ErrorCode::bad_input, "no page size chosen: 4K or 2M");
    for (const auto& subject : subjects_) readable_ += subject->readable_pages().count();
    // LIMIT: 2^32 pages (16 TiB) a scan: copies are counted in 32 bits.
    if (readable_ >= 1ULL << 32)
      return fail(ErrorCode::bad_input, "more than 16 TiB to scan; scan fewer subjects at once");
    progress_.set_total(readable_ * (options_.second_look ? 2 : 1));
    return {};
  }

  void choose_contents() {
    sample_ = ContentSample(*options_.sample);
    result_.bytes_read += kPageSize * nominate_heavy(subjects_, list_, hasher_,
                                                     rng_.split("nominate"), sample_, cancel_);
  }

  Result<void> make_indexes() {
    const bool facts = std::any_of(subjects_.begin(), subjects_.end(),
                                   [](const auto& subject) { return subject->has_facts(); });
    if (facts) frames_.emplace();
    const auto expected =
        sample_.all()
            ? readable_
            : static_cast<std::uint64_t>(std::ceil(static_cast<double>(readable_) * sample_.p())) +
                  sample_.heavy_contents();
    BRIM_TRY(index_, PageIndex::create({.expected_contents = expected,
                                        .concurrent = threads_ > 1,
                                        .locations = options_.confirm,
                                        .frames = frames_ ? &*frames_ : nullptr}));
    if (options_.page_2m) {
      BRIM_TRY(huge_index_, PageIndex::create({.expected_contents = readable_ / kPagesPerHuge + 1,
                                               .concurrent = threads_ > 1}));
    }
    if (options_.beyond != Beyond::none && options_.page_4k)
      beyond_.emplace(options_, rng_.split("beyond"), expected, threads_);
    if (options_.remember_pages) remembered_.resize(list_.parts().size());
    return {};
  }

  // Runs `visitors` over all parts.
  template <class Visitor>
  Result<void> read_all(std::vector<std::unique_ptr<Visitor>>& visitors, ReadState& state) {
    std::vector<PartVisitor*> pointers;
    pointers.reserve(visitors.size());
    for (const auto& visitor : visitors) pointers.push_back(visitor.get());
    if (!read_parts(subjects_, list_, pointers, state, progress_, cancel_))
      return fail(ErrorCode::io, "out of memory for the page index; scan less at once, or sample");
    return {};
  }

  Result<void> look_first() {
    const auto start = Clock::now();
    first_look_.resize(list_.parts().size());
    std::vector<std::unique_ptr<FirstLook>> looks;
    for (unsigned i = 0; i < threads_; ++i)
      looks.push_back(std::make_unique<FirstLook>(hasher_, first_look_));
    BRIM_CHECK(read_all(looks, first_read_));
    for (const PageMemory& memory : first_look_) result_.bytes_read += memory.size() * kPageSize;
    result_.first_look_seconds = seconds_since(start);
    const auto until = Clock::now() + *options_.second_look;
    while (!cancel_.requested() && Clock::now() < until)
      std::this_thread::sleep_for(
          std::min<std::chrono::nanoseconds>(std::chrono::milliseconds(20), until - Clock::now()));
    return {};
  }

  // Cancelled before the look that counts: what the first one remembers, counted by half a hash.
  // Real sharing, 2 MiB pages and what is beyond identity it can't tell.
  void count_first_look() {
    read_ = std::move(first_read_);
    sample_ = ContentSample();
    beyond_.reset();
    tally_.subjects.resize(subjects_.size());
    for (std::size_t i = 0; i < first_look_.size(); ++i) {
      const std::uint32_t number = list_.parts()[i].subject;
      SubjectTally& subject = tally_.subjects[number];
      first_look_[i].for_each([&](std::uint64_t, std::uint64_t low) {
        ++subject.pages;
        if (low == hasher_.zero_page().low) {
          ++subject.zero_pages;
          return;
        }
        PageIndex::Page page;
        page.hash = {.low = low, .high = low};
        page.subject = number;
        index_->add(page);
      });
    }
    only_first_look_ = true;
  }

  Result<void> look_and_count() {
    const auto start = Clock::now();
    const LookContext context{.subjects = subjects_,
                              .list = list_,
                              .hasher = hasher_,
                              .sample = sample_,
                              .index = *index_,
                              .huge_index = huge_index_ ? &*huge_index_ : nullptr,
                              .frames = frames_ ? &*frames_ : nullptr,
                              .beyond = beyond_ ? &*beyond_ : nullptr,
                              .confirm = options_.confirm,
                              .first_look = options_.second_look ? &first_look_ : nullptr,
                              .remember = options_.remember_pages ? &remembered_ : nullptr};
    for (unsigned i = 0; i < threads_; ++i) looks_.push_back(std::make_unique<Look>(context, i));
    BRIM_CHECK(read_all(looks_, read_));
    tally_ = std::move(looks_.front()->tally());
    for (std::size_t i = 1; i < looks_.size(); ++i) tally_ += looks_[i]->tally();
    tally_.real.outside_pages = tally_.mapped_frames.outside_pages();
    if (options_.second_look) {
      result_.second_look_seconds = seconds_since(start);
      result_.changing_pages = tally_.changing_pages;
    }
    return {};
  }

  // An error when no subject could be read at all.
  Result<void> anything_read() {
    std::uint64_t pages = 0;
    bool failed = true;
    const Error* first = nullptr;
    for (std::size_t s = 0; s < subjects_.size(); ++s) {
      pages += tally_.subjects[s].pages;
      if (!read_.errors[s]) {
        failed = false;
        continue;
      }
      if (first == nullptr) first = &*read_.errors[s];
    }
    if (pages == 0 && failed) return fail(*first);
    return {};
  }

  void report() {
    const FigureOptions figure_options{.threads = threads_,
                                       .subjects = subjects_.size(),
                                       .groups = options_.groups,
                                       .matrix = subjects_.size() <= kMostMatrixSubjects};
    const IndexFigures figures = figures_of(*index_, sample_, figure_options);
    const Findings findings{subjects_, sample_, tally_, read_, figures};
    result_.results.push_back(small_page_result(findings));
    fill_real_sharing(findings, result_);
    if (only_first_look_) {
      result_.has_facts = false;
      result_.why_no_facts = "it was interrupted before the look that tells it";
    }
    fill_matrix(findings, result_);
    name_groups(figures);
    report_huge_pages();
    report_beyond();
    remember_pages();
    report_cost();
    if (!options_.page_4k) leave_out_small_pages();
  }

  // What was asked for is of 2 MiB pages alone: nothing counted in 4 KiB pages may stand beside it.
  void leave_out_small_pages() {
    result_.results.erase(result_.results.begin());
    result_.has_facts = false;
    result_.why_no_facts = "it is counted in 4 KiB pages: ask for --page-size both";
    result_.real = {};
    result_.efficiency_percent.reset();
    result_.unrealized_pages = 0;
    result_.unrealized_by_cause = {};
    result_.matrix = {};
    result_.groups.clear();
    result_.hidden_by_huge_pages.reset();
  }

  void name_groups(const IndexFigures& figures) {
    for (const IndexFigures::Largest& entry : figures.largest) {
      Group group = entry.group;
      for (const auto& look : looks_)
        if (group.pattern.empty()) group.pattern = look->patterns().find(entry.hash);
      result_.groups.push_back(std::move(group));
    }
  }

  void report_huge_pages() {
    if (!huge_index_) return;
    const ContentSample all;
    const IndexFigures figures =
        figures_of(*huge_index_, all, {.threads = 1, .subjects = subjects_.size()});
    result_.results.push_back(huge_page_result(Findings{subjects_, all, tally_, read_, figures}));
    std::uint64_t saved = 0;
    for (const SubjectTally& subject : tally_.subjects) saved += subject.huge.saved_small_pages;
    const Potential& small = result_.results.front().potential;
    const double saving = small.intra_saving_pages.value + small.inter_saving_pages.value;
    if (options_.page_4k && saving > 0)
      result_.hidden_by_huge_pages =
          std::clamp(1.0 - static_cast<double>(saved) / saving, 0.0, 1.0);
  }

  void report_beyond() {
    if (!beyond_) return;
    std::vector<std::unique_ptr<SubjectReader>> readers(subjects_.size());
    const auto reread = [&](std::uint32_t subject, std::uint64_t page,
                            std::span<std::byte, kPageSize> out) -> Result<void> {
      if (readers[subject] == nullptr) {
        BRIM_TRY(readers[subject], subjects_[subject]->reader());
      }
      return readers[subject]->reread(page, out);
    };
    const double contents = result_.results.front().potential.minimum_pages.value;
    result_.index_bytes += beyond_->memory_bytes();
    result_.beyond =
        beyond_->finish(reread, static_cast<std::uint64_t>(std::llround(contents)), cancel_);
  }

  void remember_pages() {
    if (!options_.remember_pages) return;
    result_.page_hashes.resize(subjects_.size());
    for (std::size_t i = 0; i < remembered_.size(); ++i) {
      auto& pages = result_.page_hashes[list_.parts()[i].subject];
      remembered_[i].for_each(
          [&](std::uint64_t page, std::uint64_t hash) { pages.emplace_back(page, hash); });
      remembered_[i] = PageMemory();
    }
  }

  void report_cost() {
    result_.sample = options_.sample;
    result_.heavy_contents = sample_.heavy_contents();
    result_.confirmed_pages = tally_.confirmed_pages;
    result_.collisions = tally_.collisions;
    result_.changed_while_confirming = tally_.changed_while_confirming;
    result_.unconfirmed_pages = tally_.unconfirmed_pages;
    for (const SubjectTally& subject : tally_.subjects)
      result_.bytes_read += subject.pages * kPageSize;
    result_.index_bytes += index_->memory_bytes();
    if (huge_index_) result_.index_bytes += huge_index_->memory_bytes();
    if (frames_) result_.index_bytes += frames_->memory_bytes();
  }

  const PageHasher& hasher_;
  Subjects subjects_;
  const ScanOptions& options_;
  const Rng& rng_;
  Progress& progress_;
  const Cancel& cancel_;
  PartList list_;
  unsigned threads_;
  std::uint64_t readable_ = 0;
  ContentSample sample_;
  std::optional<FrameSightings> frames_;
  std::optional<PageIndex> index_;
  std::optional<PageIndex> huge_index_;
  std::optional<BeyondExaminer> beyond_;
  std::vector<PageMemory> first_look_;
  std::vector<PageMemory> remembered_;
  std::vector<std::unique_ptr<Look>> looks_;
  LookTally tally_;
  ReadState first_read_;  // of the first of two looks: what fails then fails again, or comes back
  ReadState read_;
  bool only_first_look_ = false;
  ScanResult result_;
};

}  // namespace

Result<ScanResult> scan_with(const PageHasher& hasher, Subjects subjects,
                             const ScanOptions& options, const Rng& rng, Progress& progress,
                             const Cancel& cancel) {
  try {
    return Scan(hasher, subjects, options, rng, progress, cancel).run();
  } catch (const std::bad_alloc&) {
    return fail(ErrorCode::io, "out of memory; scan less at once, or sample");
  }
}

Result<ScanResult> scan(Subjects subjects, const ScanOptions& options, const Rng& rng,
                        Progress& progress, const Cancel& cancel) {
  const PageHasher hasher =
      options.stable_hash ? PageHasher::stable() : PageHasher(rng.split("page hash"));
  return scan_with(hasher, subjects, options, rng, progress, cancel);
}

}  // namespace brim::share
