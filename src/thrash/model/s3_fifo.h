// SPDX-License-Identifier: Apache-2.0
#pragma once
// S3-FIFO: Yang, Zhang, Qiu, Yue and Rashmi, "FIFO queues are all you need for cache eviction"
// (SOSP 2023), algorithm 1. New pages come to a small queue S; those that are found used again at
// its end go to the main queue M, the others leave and are remembered in a ghost queue G. A page
// that is loaded while in G goes to M at once. M is a clock: a page used since is put back at its
// start, with one use less.
//
// Uses are counted to 3 (two bits). The paper's threshold for going to M is more than one use after
// the load; a page's count starts anew there. `small` is S's share of the frames (at least one
// frame; the paper has 10 %), and M has the rest; `ghost` is how many pages G remembers, for each
// frame (as many as M holds: 90 %). S gives a page whenever it has its share or more; before the
// first eviction it may fill all frames.
//
// Where M is full as a page comes to it, M's end leaves, and the call is over: a frame is free.
// (The paper's pseudo-code, read to the letter, would go on to take one from S.)
//
// LIMIT: hits count, and hardware only has one referenced bit: not something a kernel could do.

#include "thrash/model/page_list.h"
#include "thrash/model/replacement.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace brim::thrash::model {

struct S3FifoKnobs {
  double small = 0.1;
  double ghost = 0.9;
};

class S3Fifo : public OnDemand {
 public:
  S3Fifo(const PageTable& table, std::size_t frames, const S3FifoKnobs& knobs)
      : small_most_(std::max<std::size_t>(1, part(knobs.small, frames))),
        main_most_(frames - small_most_),
        ghosts_most_(part(knobs.ghost, frames)),
        links_(table.size()),
        pages_(table.size()) {}

  void hit(PageNumber page, Access /*access*/) {
    pages_[page].uses = static_cast<std::uint8_t>(std::min(pages_[page].uses + 1, kUsesMost));
  }

  void load(PageNumber page, Access /*access*/) {
    if (pages_[page].where == Where::ghost) {
      ghosts_.remove(links_, page);
      put_in_main(page, 0);
    } else {
      small_.push_front(links_, page);
      pages_[page] = {Where::small, 0};
    }
  }

  PageNumber victim() {
    if (small_.size() >= small_most_) {
      const PageNumber page = leave_small();
      if (page != kNoPage) return page;
    }
    return leave_main();
  }

  void remove(PageNumber page) {
    (pages_[page].where == Where::small ? small_ : main_).remove(links_, page);
    pages_[page].where = Where::none;
  }

  void prefetch(PageNumber page) const { __builtin_prefetch(&pages_[page], 1); }

  [[nodiscard]] std::size_t small() const { return small_.size(); }
  [[nodiscard]] std::size_t main() const { return main_.size(); }
  [[nodiscard]] std::size_t ghosts() const { return ghosts_.size(); }

 private:
  enum class Where : std::uint8_t { none, small, main, ghost };
  struct State {
    Where where = Where::none;
    std::uint8_t uses = 0;
  };
  static constexpr int kUsesMost = 3;
  static constexpr int kUsesToStay = 2;

  static std::size_t part(double share, std::size_t frames) {
    return static_cast<std::size_t>(share * static_cast<double>(frames));
  }

  void put_in_main(PageNumber page, std::uint8_t uses) {
    main_.push_front(links_, page);
    pages_[page] = {Where::main, uses};
  }

  // kNoPage: all went to M, and M had room.
  PageNumber leave_small() {
    while (!small_.empty()) {
      const PageNumber page = small_.pop_back(links_);
      if (pages_[page].uses < kUsesToStay) {
        remember(page);
        return page;
      }
      put_in_main(page, 0);
      if (main_.size() > main_most_) return leave_main();
    }
    return kNoPage;
  }

  PageNumber leave_main() {
    for (;;) {
      const PageNumber page = main_.pop_back(links_);
      const std::uint8_t uses = pages_[page].uses;
      if (uses == 0) {
        pages_[page].where = Where::none;
        return page;
      }
      put_in_main(page, static_cast<std::uint8_t>(uses - 1));
    }
  }

  void remember(PageNumber page) {
    ghosts_.push_front(links_, page);
    pages_[page].where = Where::ghost;
    if (ghosts_.size() > ghosts_most_) pages_[ghosts_.pop_back(links_)].where = Where::none;
  }

  std::size_t small_most_;
  std::size_t main_most_;
  std::size_t ghosts_most_;
  PageLinks links_;
  PageList small_;  // the newest first, as the others
  PageList main_;
  PageList ghosts_;
  std::vector<State> pages_;
};

}  // namespace brim::thrash::model
