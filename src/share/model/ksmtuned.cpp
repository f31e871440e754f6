// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksmtuned.h"

#include <algorithm>

namespace brim::share::model {
namespace {

constexpr std::uint64_t kKib = 1024;

}  // namespace

// In whole KiB and milliseconds, as the shell reckons.
Ksmtuned::Ksmtuned(const KsmtunedKnobs& knobs, Bytes total) : knobs_(knobs) {
  using std::chrono::milliseconds;
  const std::uint64_t total_kib = std::max<std::uint64_t>(1, total.count() / kKib);
  threshold_kib_ = std::max(total_kib * knobs.threshold_percent / 100, knobs.threshold_kib);
  constexpr std::uint64_t kUsualHostKib = 16ULL * 1024 * 1024;
  const auto scaled = std::chrono::nanoseconds(static_cast<std::int64_t>(
      static_cast<double>(knobs.sleep.count()) * static_cast<double>(kUsualHostKib) /
      static_cast<double>(total_kib)));
  sleep_ = std::max(std::chrono::floor<milliseconds>(scaled), milliseconds(10));
}

Ksmtuned::Order Ksmtuned::adjust(const HostMemory& memory) {
  const std::uint64_t free_kib = memory.free.count() / kKib;
  const std::uint64_t committed_kib = memory.committed.count() / kKib;
  if (committed_kib + threshold_kib_ < memory.total.count() / kKib && free_kib > threshold_kib_)
    return {};
  pages_ += free_kib < threshold_kib_ ? static_cast<std::int64_t>(knobs_.pages_boost)
                                      : -static_cast<std::int64_t>(knobs_.pages_decay);
  pages_ = std::clamp(pages_, static_cast<std::int64_t>(knobs_.pages_min),
                      static_cast<std::int64_t>(knobs_.pages_max));
  return {.run = true, .pages_to_scan = static_cast<std::uint64_t>(pages_), .sleep = sleep_};
}

}  // namespace brim::share::model
