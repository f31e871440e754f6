// SPDX-License-Identifier: Apache-2.0
#include "share/model/page_cycle.h"

#include <algorithm>
#include <cmath>

namespace brim::share::model {

void PageCycle::add(SimulatedMemory::Range pages) {
  if (pages.first == pages.end) return;
  ranges_.push_back(pages);
  if (ranges_.size() == 1) page_ = pages.first;
  pages_ += pages.end - pages.first;
}

std::uint64_t PageCycle::turns(ModelTime until) {
  const double elapsed_s = std::chrono::duration<double>(until).count();
  // What floating point took from a whole number is given back.
  const double due = std::floor(elapsed_s * pages_per_s_ + 1e-6);
  const std::uint64_t all = std::max(turns_, static_cast<std::uint64_t>(std::max(0.0, due)));
  const std::uint64_t more = all - turns_;
  turns_ = all;
  return more;
}

std::optional<Page> PageCycle::next(const SimulatedMemory& memory) {
  round_began_ = false;
  for (std::uint64_t looked = 0; looked < pages_; ++looked) {
    if (at_start_) round_began_ = true;
    at_start_ = false;
    const Page page = page_++;
    if (page_ == ranges_[range_].end) {
      range_ = (range_ + 1) % ranges_.size();
      page_ = ranges_[range_].first;
      at_start_ = range_ == 0;
    }
    if (memory.present(page)) return page;
  }
  return std::nullopt;
}

}  // namespace brim::share::model
