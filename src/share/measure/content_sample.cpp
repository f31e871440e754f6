// SPDX-License-Identifier: Apache-2.0
#include "share/measure/content_sample.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace brim::share {
namespace {

// Enough that a content of a thousandth of all pages is nominated (seen twice or more among 2^14
// draws) but for a chance of 2 in a million, and few enough to take well below a second.
// Of few pages an eighth.
constexpr std::uint64_t kFewestDraws = 1ULL << 14;
constexpr std::uint64_t kMostDraws = 1ULL << 18;

}  // namespace

ContentSample::ContentSample(double p)
    : all_(p >= 1),
      p_(std::min(p, 1.0)),
      below_(all_ ? 0 : static_cast<std::uint64_t>(std::ldexp(p, 64))) {}

std::uint64_t nominate_heavy(std::span<const std::unique_ptr<Subject>> subjects,
                             const PartList& list, const PageHasher& hasher, Rng rng,
                             ContentSample& sample, const Cancel& cancel) {
  const std::uint64_t pages = list.ordinals();
  if (pages == 0) return 0;
  const auto wanted = static_cast<std::uint64_t>(static_cast<double>(pages) * sample.p());
  const std::uint64_t draws =
      std::max<std::uint64_t>(1, std::clamp(wanted, std::min(pages / 8, kFewestDraws), kMostDraws));
  boost::unordered_flat_set<PageHash, PageHashHasher> seen;
  std::unique_ptr<SubjectReader> reader;
  std::uint32_t reader_of = ~0U;
  std::uint64_t read = 0;
  std::array<std::byte, kPageSize> bytes{};
  for (std::uint64_t i = 0; i < draws && !cancel.requested(); ++i) {
    __extension__ using Wide = unsigned __int128;
    const auto low = static_cast<std::uint64_t>(static_cast<Wide>(pages) * i / draws);
    const auto high = static_cast<std::uint64_t>(static_cast<Wide>(pages) * (i + 1) / draws);
    const auto [subject, page] = list.locate(low + rng.below(high - low));
    if (subject != reader_of) {
      auto opened = subjects[subject]->reader();
      reader = opened ? std::move(*opened) : nullptr;
      reader_of = subject;
    }
    // A page that isn't there, or a subject that went away, is the scan's to report.
    if (reader == nullptr || !reader->reread(page, bytes)) continue;
    ++read;
    if (is_zero_page(bytes.data())) continue;
    const PageHash hash = hasher.hash(bytes);
    if (!seen.insert(hash).second) sample.nominate(hash);
  }
  return read;
}

}  // namespace brim::share
