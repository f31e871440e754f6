// SPDX-License-Identifier: Apache-2.0
#include "thrash/model/opt_curve.h"

#include "base/result.h"
#include "thrash/model/interval_heap.h"
#include "thrash/model/replay.h"
#include "thrash/model/stack_distances.h"

#include <cstddef>
#include <utility>

namespace brim::thrash::model {
namespace {

// The reference's number in the trace.
using UseTime = std::uint32_t;
inline constexpr UseTime kNeverUsed = UINT32_MAX;

std::vector<UseTime> next_uses(const PageTrace& trace) {
  std::vector<UseTime> next(trace.references.size());
  std::vector<UseTime> coming(trace.pages, kNeverUsed);
  for (std::size_t i = next.size(); i-- > 0;)
    next[i] = std::exchange(coming[trace.references[i].page()], static_cast<UseTime>(i));
  return next;
}

// The next uses of pages at neighbouring places of the stack, sooner ones above.
class StackGroup {
 public:
  explicit StackGroup(UseTime time) : first_(time), last_(time) { times_.insert(time); }

  [[nodiscard]] std::size_t size() const { return times_.size(); }
  [[nodiscard]] UseTime first() const { return first_; }

  // What comes out below.
  UseTime carry_through(UseTime carried) {
    if (last_ <= carried) return carried;
    const UseTime out = last_;
    times_.replace_greatest(carried);
    note_ends();
    return out;
  }
  void insert(UseTime time) {
    times_.insert(time);
    note_ends();
  }
  void remove_first() {
    times_.remove_least();
    if (size() > 0) note_ends();
  }

 private:
  void note_ends() {
    first_ = times_.least();
    last_ = times_.greatest();
  }

  UseTime first_;  // the heap's ends, where looking at all groups finds them
  UseTime last_;
  IntervalHeap<UseTime> times_;
};

class OptDistances {
 public:
  static constexpr std::size_t kFirst = 0;

  // References are made one after another; of each, when, and when its page is used again. The
  // stack distance, or kFirst.
  std::size_t reference(UseTime now, UseTime next) {
    const UseTime carried = std::exchange(top_, next);
    if (carried == now) return 1;
    if (now == 0) return kFirst;
    std::size_t distance = 2;
    std::size_t above = groups_.size();  // groups_[above] and those behind are above the page
    while (above > 0 && groups_[above - 1].first() != now) distance += groups_[--above].size();
    if (above == 0) {
      carry_down(0, carried);
      return kFirst;
    }
    groups_[above - 1].remove_first();
    carry_down(above, carried);
    if (groups_[above - 1].size() == 0)
      groups_.erase(groups_.begin() + static_cast<std::ptrdiff_t>(above - 1));
    return distance;
  }

 private:
  // Through groups_[above] and those behind, to the place below them.
  void carry_down(std::size_t above, UseTime carried) {
    if (above == groups_.size()) return put_on_groups(carried);
    for (std::size_t i = groups_.size() - 1; i > above; --i)
      carried = groups_[i].carry_through(carried);
    groups_[above].insert(carried);
  }

  // In the place between the top and all groups.
  void put_on_groups(UseTime time) {
    if (!groups_.empty() && groups_.back().size() > 0 && time <= groups_.back().first())
      groups_.back().insert(time);
    else
      groups_.emplace_back(time);
  }

  UseTime top_ = kNeverUsed;
  std::vector<StackGroup> groups_;  // the lowest first
};

}  // namespace

std::vector<std::uint64_t> opt_faults(const PageTrace& trace, const Cancel& cancel) {
  const std::size_t count = trace.references.size();
  BRIM_ASSERT(count < kNeverUsed);
  const std::vector<UseTime> next = next_uses(trace);
  OptDistances pages;
  StackDistances distances(trace.pages);
  for (std::size_t i = 0; i < count; ++i) {
    if (i % kReferencesBetweenCancels == 0 && cancel.requested()) break;
    const std::size_t distance = pages.reference(static_cast<UseTime>(i), next[i]);
    if (distance == OptDistances::kFirst)
      distances.add_first();
    else
      distances.add(distance);
  }
  return distances.faults();
}

}  // namespace brim::thrash::model
