// SPDX-License-Identifier: Apache-2.0
#pragma once
// Random replacement: each resident page is as likely to leave as any other.

#include "base/rng.h"
#include "thrash/model/replacement.h"

#include <cstddef>
#include <vector>

namespace brim::thrash::model {

class RandomReplacement : public OnDemand {
 public:
  RandomReplacement(const PageTable& table, const Rng& rng) : place_(table.size()), rng_(rng) {}

  static void hit(PageNumber /*page*/, Access /*access*/) {}
  void load(PageNumber page, Access /*access*/) {
    place_[page] = pages_.size();
    pages_.push_back(page);
  }
  PageNumber victim() {
    const PageNumber page = pages_[rng_.below(pages_.size())];
    remove(page);
    return page;
  }
  void remove(PageNumber page) {
    pages_[place_[page]] = pages_.back();
    place_[pages_.back()] = place_[page];
    pages_.pop_back();
  }

 private:
  std::vector<PageNumber> pages_;
  std::vector<std::size_t> place_;  // in pages_
  Rng rng_;
};

}  // namespace brim::thrash::model
