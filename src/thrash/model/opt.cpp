// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/opt.h"

#include "base/result.h"
#include "thrash/model/number_set.h"

namespace brim::thrash::model {
namespace {

constexpr std::uint32_t kNeverAgain = UINT32_MAX;
constexpr std::size_t kAheadOfOpt = 12;  // references, of what is fetched

struct Future {
  std::vector<std::uint32_t> next;   // by place: where its page is referenced again, or kNeverAgain
  std::vector<std::uint32_t> first;  // by page: the place of its first reference
  bool known = false;                // false: cancelled
};

Future look_ahead(const ReplayTask& task) {
  const auto& references = task.trace.references;
  BRIM_ASSERT(references.size() < kNeverAgain);
  Future future{std::vector<std::uint32_t>(references.size()),
                std::vector<std::uint32_t>(task.trace.pages, kNeverAgain)};
  for (std::size_t place = references.size(); place-- > 0;) {
    if (place % kReferencesBetweenCancels == 0 && task.cancel.requested()) return future;
    if (place >= kAheadOfOpt)
      __builtin_prefetch(&future.first[references[place - kAheadOfOpt].page()], 1);
    std::uint32_t& first = future.first[references[place].page()];
    future.next[place] = first;
    first = static_cast<std::uint32_t>(place);
  }
  future.known = true;
  return future;
}

class Optimal {
 public:
  Optimal(const PageTrace& trace, std::size_t frames)
      : trace_(trace), free_(frames), resident_(trace.references.size()), table_(trace.pages) {}

  // Whether it was resident.
  bool reference(std::size_t place, std::uint32_t next) {
    const Reference reference = trace_.references[place];
    table_.note(reference.page(), reference.access());
    const bool hit = resident_.contains(place);
    if (!hit) take_frame();
    if (next != kNeverAgain)
      resident_.insert(next);
    else
      done_.push_back(reference.page());
    return hit;
  }

  void prefetch(std::size_t place, std::uint32_t next) const {
    table_.prefetch(trace_.references[place].page());
    if (next != kNeverAgain) resident_.prefetch(next);
  }

  [[nodiscard]] std::uint64_t writebacks() const { return table_.writebacks(); }

 private:
  void take_frame() {
    if (free_ > 0) {
      --free_;
    } else if (next_done_ < done_.size()) {
      table_.write_back(done_[next_done_++]);
    } else {
      const std::size_t farthest = resident_.last();
      resident_.erase(farthest);
      table_.write_back(trace_.references[farthest].page());
    }
  }

  const PageTrace& trace_;
  std::size_t free_;              // frames
  NumberSet resident_;            // places of next references; what is past is never asked for
  std::vector<PageNumber> done_;  // never referenced again, by last reference
  std::size_t next_done_ = 0;     // the first that is still resident
  PageTable table_;
};

}  // namespace

ReplayCounts replay_opt(const ReplayTask& task) {
  const Future future = look_ahead(task);
  ReplayCounts counts;
  if (!future.known) return counts;
  const auto& references = task.trace.references;
  Optimal memory(task.trace, task.frames);
  for (std::size_t place = 0; place < references.size(); ++place, ++counts.references) {
    if (place % kReferencesBetweenCancels == 0 && task.cancel.requested()) break;
    if (place + kAheadOfOpt < references.size())
      memory.prefetch(place + kAheadOfOpt, future.next[place + kAheadOfOpt]);
    if (memory.reference(place, future.next[place])) continue;
    ++counts.faults;
    counts.cold_faults += future.first[references[place].page()] == place ? 1 : 0;
  }
  counts.writebacks = memory.writebacks();
  return counts;
}

}  // namespace brim::thrash::model
