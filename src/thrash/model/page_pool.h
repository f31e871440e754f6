// SPDX-License-Identifier: Apache-2.0
#pragma once
// Pages that compete for frames under one replacement policy: those of all processes, or of one.
// Page numbers outside are the machine's; within they start at 0.
//
// A policy expects each victim() to be followed by a load(). A kernel that keeps frames free has
// none yet to load: gone() loads a page that stands for the free frame, which is no process's, and
// removes it at once, which no policy can tell from a page that came and whose owner ended.
//
// LIMIT: victims are asked for ahead of need, while some of the policy's frames are free.

#include "base/rng.h"
#include "thrash/model/model_time.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

namespace brim::thrash::model {

// Of a policy for a memory of which `frames` frames can be filled; as replacement_table.h has it,
// with its settings.
using MakeReplacement = std::function<std::unique_ptr<Replacement>(
    PageTable& table, std::size_t frames, const Rng& rng)>;

// Who leaves.
struct PoolPolicy {
  MakeReplacement make;
  // It must be told of each access, not only of those that set a bit (LRU and its kin). That costs
  // a step of simulation for each access.
  bool every_hit = false;
};

class PagePool {
 public:
  PagePool(PageNumber first, std::size_t pages, std::size_t frames, const MakeReplacement& make,
           const Rng& rng)
      : first_(first),
        stand_in_(static_cast<PageNumber>(pages)),
        frames_(frames),
        table_(pages + 1),
        policy_(make(table_, frames, rng)) {
    table_.list_cleared(&cleared_);
  }
  PagePool(const PagePool&) = delete;
  PagePool& operator=(const PagePool&) = delete;

  // It may have so many; fewer than it has take none away.
  [[nodiscard]] std::size_t frames() const { return frames_; }
  void set_frames(std::size_t frames) { frames_ = frames; }
  // Pages that the policy has.
  [[nodiscard]] std::size_t resident() const { return resident_; }
  [[nodiscard]] bool referenced(PageNumber page) const { return table_.referenced(page - first_); }
  [[nodiscard]] bool modified(PageNumber page) const { return table_.modified(page - first_); }

  void set_time(ModelTime now) {
    const auto time = static_cast<std::uint64_t>(now.count());
    if (time > table_.now()) table_.advance(time - table_.now());
  }
  // The bit is set whatever the policy does, as hardware would.
  void hit(PageNumber page, Access access) {
    table_.note(page - first_, access);
    policy_->hit(page - first_, access);
    table_.set_referenced(page - first_);
  }
  void load(PageNumber page, Access access) {
    table_.note(page - first_, access);
    policy_->miss_and_load(page - first_, access);
    ++resident_;
  }
  // Of one that came along with another: nobody has used it.
  void load_unused(PageNumber page) {
    load(page, Access::read);
    table_.clear_referenced(page - first_);
  }
  void clear_referenced(PageNumber page) { table_.clear_referenced(page - first_); }
  void remove(PageNumber page) {
    policy_->remove(page - first_);
    --resident_;
  }

  // Each victim() is followed by gone() or pass_over().
  [[nodiscard]] PageNumber victim() { return policy_->miss_and_victim(stand_in_) + first_; }
  // Of the last victim: the policy gave up, and chose it all the same (PageTable::gave_up()).
  [[nodiscard]] bool take_gave_up() { return table_.take_gave_up(); }
  void gone() {
    policy_->load(stand_in_, Access::read);
    policy_->remove(stand_in_);
    --resident_;
  }
  // The victim stays, as if it had been referenced.
  void pass_over(PageNumber victim) {
    policy_->miss_and_load(victim - first_, Access::read);
    table_.set_referenced(victim - first_);
  }
  // Of a pass (scan_pass.h), where the policy knows passes: a page that leaves unless it is put
  // back; kNoPage: none.
  [[nodiscard]] PageNumber next_of_pass(ScanPass& pass) {
    const PageNumber page = policy_->next_of_pass(pass);
    if (page == kNoPage) return kNoPage;
    --resident_;
    return page + first_;
  }
  // As if it had been referenced.
  void put_back(PageNumber page) {
    pass_over(page);
    ++resident_;
  }
  [[nodiscard]] ListSizes list_sizes() const { return policy_->list_sizes(); }
  // A page that leaves though nobody asks; kNoPage: none.
  [[nodiscard]] PageNumber leaving() {
    const PageNumber page = policy_->leaving();
    if (page == kNoPage) return kNoPage;
    --resident_;
    return page + first_;
  }

  void set_swap_cached(bool cached) { table_.set_swap_cached(cached); }

  // It is on its way to the swap device.
  void write_back(PageNumber page) { table_.write_back(page - first_); }
  void set_modified(PageNumber page) { table_.note(page - first_, Access::write); }

  // It is in cleared() once its referenced bit is cleared.
  void watch(PageNumber page) { table_.watch(page - first_); }
  // Pages that were written back since the last call, once or more often, and watched ones whose
  // referenced bit was cleared.
  [[nodiscard]] std::vector<PageNumber>& cleared() { return cleared_; }
  // Bits that were cleared so far.
  [[nodiscard]] std::uint64_t clears() const { return table_.clears(); }
  // For speed alone: the page will be hit or loaded before long.
  void prefetch(PageNumber page) const {
    table_.prefetch(page - first_);
    policy_->prefetch(page - first_);
  }
  // Likewise: pages that the policy will look at, as PageTable has it.
  [[nodiscard]] std::span<const PageNumber> take_coming() { return table_.take_coming(); }
  [[nodiscard]] PageNumber first() const { return first_; }
  // Looks at pages, since the last call, which cleared nothing and chose none of them.
  [[nodiscard]] std::uint64_t take_looks() { return table_.take_looks(); }
  // Of one of cleared() or take_coming(): whether it is a page at all.
  [[nodiscard]] bool stands_for_none(PageNumber page) const { return page == stand_in_; }

 private:
  PageNumber first_;
  PageNumber stand_in_;
  std::size_t frames_;
  std::size_t resident_ = 0;
  PageTable table_;
  std::vector<PageNumber> cleared_;
  std::unique_ptr<Replacement> policy_;
};

}  // namespace brim::thrash::model
