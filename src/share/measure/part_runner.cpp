// SPDX-License-Identifier: Apache-2.0
#include "share/measure/part_runner.h"

#include "base/threads.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <new>

namespace brim::share {
namespace {

// What the threads of one run share.
class Run {
 public:
  Run(std::span<const std::unique_ptr<Subject>> subjects, const PartList& list, ReadState& state,
      Progress& progress, const Cancel& cancel)
      : subjects_(subjects),
        list_(list),
        state_(state),
        progress_(progress),
        cancel_(cancel),
        failed_(subjects.size()),
        failed_part_(subjects.size(), ~std::size_t{0}) {}

  void work(PartVisitor& visitor) {
    try {
      work_until_done(visitor);
    } catch (const std::bad_alloc&) {
      out_of_memory_ = true;
    }
  }
  [[nodiscard]] bool out_of_memory() const { return out_of_memory_; }

 private:
  void work_until_done(PartVisitor& visitor) {
    std::unique_ptr<SubjectReader> reader;
    std::uint32_t reader_of = ~0U;
    while (!cancel_.requested() && !out_of_memory_) {
      const std::size_t number = next_.fetch_add(1);
      if (number >= list_.parts().size()) return;
      const PartOfSubject& part = list_.parts()[number];
      if (failed_[part.subject]) continue;
      if (reader_of != part.subject) {
        reader.reset();
        auto opened = subjects_[part.subject]->reader();
        if (!opened) {
          failed(number, std::move(opened).error());
          continue;
        }
        reader = std::move(*opened);
        reader_of = part.subject;
      }
      read(number, *reader, visitor);
    }
  }

  void read(std::size_t number, SubjectReader& reader, PartVisitor& visitor) {
    const PartOfSubject& part = list_.parts()[number];
    auto unread = reader.read(part.part, [&](const PageBatch& batch) {
      if (cancel_.requested()) return;
      visitor.take(number, batch);
      progress_.advance(batch.count());
    });
    visitor.finish_part(number);
    if (!unread) {
      if (unread.error().code == ErrorCode::interrupted) return;  // the scan is partial by that
      failed(number, std::move(unread).error());
      return;
    }
    const std::lock_guard lock(mutex_);
    state_.unread[part.subject] += *unread;
  }

  // The error of the first part is kept, whichever thread comes first.
  void failed(std::size_t number, Error error) {
    const std::uint32_t subject = list_.parts()[number].subject;
    failed_[subject] = true;
    const std::lock_guard lock(mutex_);
    if (number >= failed_part_[subject]) return;
    failed_part_[subject] = number;
    state_.errors[subject] = std::move(error);
  }

  std::span<const std::unique_ptr<Subject>> subjects_;
  const PartList& list_;
  ReadState& state_;
  Progress& progress_;
  const Cancel& cancel_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> out_of_memory_{false};
  std::vector<std::atomic<bool>> failed_;
  std::mutex mutex_;  // guards state_ and what follows
  std::vector<std::size_t> failed_part_;
};

}  // namespace

PartList::PartList(std::span<const std::unique_ptr<Subject>> subjects) {
  for (std::size_t s = 0; s < subjects.size(); ++s) {
    for (const Part& part : subjects[s]->parts()) {
      parts_.push_back({static_cast<std::uint32_t>(s), part, ordinals_, false});
      ordinals_ += part.count;
    }
    if (!subjects[s]->parts().empty()) parts_.back().last_of_subject = true;
  }
}

std::pair<std::uint32_t, std::uint64_t> PartList::locate(std::uint64_t ordinal) const {
  const auto after =
      std::upper_bound(parts_.begin(), parts_.end(), ordinal,
                       [](std::uint64_t n, const PartOfSubject& p) { return n < p.first_ordinal; });
  BRIM_ASSERT(after != parts_.begin());
  const PartOfSubject& part = *(after - 1);
  return {part.subject, part.part.first_page + (ordinal - part.first_ordinal)};
}

bool read_parts(std::span<const std::unique_ptr<Subject>> subjects, const PartList& list,
                std::span<PartVisitor* const> visitors, ReadState& state, Progress& progress,
                const Cancel& cancel) {
  state.unread.resize(subjects.size());
  state.errors.resize(subjects.size());
  Run run(subjects, list, state, progress, cancel);
  run_on_threads(static_cast<unsigned>(visitors.size()),
                 [&](unsigned number) { run.work(*visitors[number]); });
  for (std::size_t s = 0; s < subjects.size(); ++s)
    if (!state.errors[s]) state.errors[s] = subjects[s]->damage();
  return !run.out_of_memory();
}

}  // namespace brim::share
