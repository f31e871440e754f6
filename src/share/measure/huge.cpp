// SPDX-License-Identifier: Apache-2.0
#include "share/measure/huge.h"

#include <utility>

namespace brim::share {

void HugeBlocks::close(std::uint32_t subject, HugeTally& tally) {
  const std::uint64_t count = std::exchange(count_, 0);
  const std::uint64_t zeros = std::exchange(zeros_, 0);
  if (count == 0) return;
  if (count < kPagesPerHuge) {
    ++tally.incomplete;
    return;
  }
  ++tally.pages;
  if (zeros == kPagesPerHuge) {
    ++tally.zero_pages;
    return;
  }
  PageIndex::Page page;
  page.hash = hasher_.combine(hashes_);
  page.subject = subject;
  if (index_.add(page).copies > 1) tally.saved_small_pages += kPagesPerHuge - zeros;
}

void HugeBlocks::finish(std::uint32_t subject, std::uint64_t image_end, HugeTally& tally) {
  const bool from_its_start = last_page_ + 1 == block_ * kPagesPerHuge + count_;
  if (count_ > 0 && count_ < kPagesPerHuge && from_its_start && last_page_ + 1 == image_end) {
    ++tally.padded;
    for (; count_ < kPagesPerHuge; ++count_, ++zeros_) hashes_[count_] = hasher_.zero_page();
  }
  close(subject, tally);
}

}  // namespace brim::share
