// SPDX-License-Identifier: Apache-2.0
#pragma once
// Page replacement: which page leaves when a frame is needed and none is free.
//
// A policy is told what happens to the pages of one memory and chooses who leaves; it moves nothing
// itself. Whoever drives it keeps the frames and calls, for each reference, in this order:
//   PageTable::advance()
//   leaving()             until it gives none, where the policy has kLeavesEarly: pages that leave
//                         though nobody asks for their frame (of working sets)
//   hit(page, access)     of a resident page; of another:
//   miss(page)            for policies whose choice depends on the page that is to be loaded (ARC)
//   victim()              only where no frame is free. The page it gives is resident, and no longer
//                         is after the call.
//   load(page, access)    of the missing page, which becomes resident
// PageTable::note() has been called for the reference before hit() and load(). remove() tells that
// a resident page went for another reason: its owner ended.
//
// Policies that approximate (clock and its kin) do in hit() what hardware does: they set the
// referenced bit. Exact ones (LRU, ARC) move the page at each hit, which no hardware does.
//
// A policy is a class with these functions, not virtual: a trace is replayed with them inlined.
// ReplacementOf makes a Replacement of one, for drivers to whom a call is cheap.
//
// LIMIT: at most 2^31 - 1 pages.

#include "base/result.h"
#include "thrash/model/page_table.h"
#include "thrash/model/scan_pass.h"

#include <memory>
#include <optional>
#include <utility>

namespace brim::thrash::model {

class Replacement {
 public:
  virtual ~Replacement() = default;
  virtual void hit(PageNumber page, Access access) = 0;
  virtual void miss(PageNumber /*page*/) {}
  virtual void load(PageNumber page, Access access) = 0;
  [[nodiscard]] virtual PageNumber victim() = 0;
  // Both calls in one: of a page that misses, and of one that is loaded where a frame is free.
  [[nodiscard]] virtual PageNumber miss_and_victim(PageNumber page) = 0;
  virtual void miss_and_load(PageNumber page, Access access) = 0;
  // kNoPage: none.
  [[nodiscard]] virtual PageNumber leaving() = 0;
  virtual void remove(PageNumber page) = 0;
  // For speed alone: what hit() and load() of this page will look at.
  virtual void prefetch(PageNumber page) const = 0;
  // Of policies that know passes (scan_pass.h). A page that may leave, and is resident no longer;
  // kNoPage: none before the pass is over or has no room.
  [[nodiscard]] virtual PageNumber next_of_pass(ScanPass& pass) = 0;
  [[nodiscard]] virtual ListSizes list_sizes() const = 0;
};

// What policies that no page leaves early have in common.
class OnDemand {
 public:
  static constexpr bool kLeavesEarly = false;
  static void miss(PageNumber /*page*/) {}
  // For speed alone: what hit() and load() of this page will look at.
  static void prefetch(PageNumber /*page*/) {}
};

template <class Policy>
class ReplacementOf final : public Replacement {
 public:
  explicit ReplacementOf(Policy policy) : policy_(std::move(policy)) {}

  void hit(PageNumber page, Access access) override { policy_.hit(page, access); }
  void miss(PageNumber page) override { policy_.miss(page); }
  void load(PageNumber page, Access access) override { policy_.load(page, access); }
  PageNumber victim() override { return policy_.victim(); }
  PageNumber miss_and_victim(PageNumber page) override {
    policy_.miss(page);
    return policy_.victim();
  }
  void miss_and_load(PageNumber page, Access access) override {
    policy_.miss(page);
    policy_.load(page, access);
  }
  PageNumber leaving() override {
    if constexpr (Policy::kLeavesEarly) return policy_.leaving();
    return kNoPage;
  }
  void remove(PageNumber page) override { policy_.remove(page); }
  void prefetch(PageNumber page) const override { policy_.prefetch(page); }
  PageNumber next_of_pass(ScanPass& pass) override {
    if constexpr (requires { policy_.next_of_pass(pass); }) return policy_.next_of_pass(pass);
    BRIM_ASSERT(false && "a policy that knows no passes");
    return kNoPage;
  }
  ListSizes list_sizes() const override {
    if constexpr (requires { policy_.list_sizes(); }) return policy_.list_sizes();
    return {};
  }

 private:
  Policy policy_;
};

}  // namespace brim::thrash::model
