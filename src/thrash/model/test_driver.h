// SPDX-License-Identifier: Apache-2.0
#pragma once
// For tests that follow a policy reference by reference.

#include "thrash/model/replacement.h"

#include <set>
#include <vector>

namespace brim::thrash::model::test {

// Keeps the frames of one memory, and calls the policy as replay.h does.
template <class Policy>
class Driver {
 public:
  // The policy is made of its table, and the other arguments it takes.
  template <class... Arguments>
  Driver(std::size_t pages, std::size_t frames, const Arguments&... arguments)
      : table_(pages), frames_(frames), policy_(table_, arguments...) {}
  Driver(const Driver&) = delete;
  Driver& operator=(const Driver&) = delete;

  // Who left for it; kNoPage: nobody.
  PageNumber reference(PageNumber page) {
    table_.advance();
    if (resident_.contains(page)) {
      policy_.hit(page, Access::read);
      return kNoPage;
    }
    policy_.miss(page);
    PageNumber gone = kNoPage;
    if (resident_.size() == frames_) {
      gone = policy_.victim();
      resident_.erase(gone);
    }
    policy_.load(page, Access::read);
    resident_.insert(page);
    return gone;
  }
  void reference(const std::vector<PageNumber>& pages) {
    for (const PageNumber page : pages) reference(page);
  }
  // From `first` on, each once.
  void scan(PageNumber first, PageNumber count) {
    for (PageNumber i = 0; i < count; ++i) reference(first + i);
  }

  [[nodiscard]] const std::set<PageNumber>& resident() const { return resident_; }
  [[nodiscard]] const Policy& policy() const { return policy_; }

 private:
  PageTable table_;
  std::size_t frames_;
  Policy policy_;
  std::set<PageNumber> resident_;
};

}  // namespace brim::thrash::model::test
