// SPDX-License-Identifier: Apache-2.0
#include "thrash/live/flash_fit.h"

#include "base/result.h"
#include "base/units.h"

#include <algorithm>
#include <cmath>

namespace brim::thrash::live {
namespace {

constexpr double kWorthwhile = 1.1;
constexpr double kNanosecondsASecond = 1e9;

}  // namespace

Throughput where_more_bring_little(std::span<const Throughput> tried) {
  BRIM_ASSERT(!tried.empty());
  for (std::size_t i = 0; i + 1 < tried.size(); ++i) {
    const auto more = tried.subspan(i + 1);
    const double most = std::ranges::max_element(more, {}, &Throughput::pages_per_s)->pages_per_s;
    if (most <= kWorthwhile * tried[i].pages_per_s) return tried[i];
  }
  return tried.back();
}

double channels_of(const Throughput& most, double alone_ns) {
  const double under_way = most.pages_per_s * alone_ns / kNanosecondsASecond;
  return std::clamp(std::round(under_way), 1.0, static_cast<double>(most.requests));
}

double FlashFit::transfer_ns(double pages) const {
  return pages * static_cast<double>(kPageSize) * channels / bytes_per_s * kNanosecondsASecond;
}

double FlashFit::pages_per_s(double requests) const {
  return std::min(requests, channels) / request_ns(1) * kNanosecondsASecond;
}

double latency_without_transfer(double took_ns, double channels, double bytes_per_s) {
  const FlashFit transfer{.channels = channels, .latency_ns = 0, .bytes_per_s = bytes_per_s};
  return std::max(0.0, took_ns - transfer.transfer_ns(1));
}

}  // namespace brim::thrash::live
