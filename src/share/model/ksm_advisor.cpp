// SPDX-License-Identifier: Apache-2.0
#include "share/model/ksm_advisor.h"

#include <algorithm>

namespace brim::share::model {
namespace {

constexpr std::uint64_t kEwmaWeight = 30;  // percent

std::uint64_t at_least_one(std::uint64_t value) { return std::max<std::uint64_t>(value, 1); }

}  // namespace

std::uint64_t KsmAdvisor::scan_ended(ModelTime now, CpuTime cpu, std::uint64_t pages_to_scan) {
  using std::chrono::duration_cast;
  const auto scan_time = at_least_one(
      static_cast<std::uint64_t>(duration_cast<std::chrono::seconds>(now - began_).count()));
  const auto cpu_ms =
      static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(cpu).count());
  const auto cpu_percent = at_least_one((cpu_ms - cpu_ms_) * 100 / (scan_time * 1000));

  const auto target = static_cast<std::uint64_t>(knobs_.target_scan_time.count());
  const auto factor = at_least_one(target * 100 / scan_time);
  const auto last = scan_time_ > 0 ? scan_time_ : scan_time;
  const auto change = at_least_one(scan_time * 100 / last);
  change_ = ((100 - kEwmaWeight) * change_ + kEwmaWeight * change) / 100;
  scan_time_ = scan_time;
  cpu_ms_ = cpu_ms;

  const std::uint64_t wanted = pages_to_scan * 100 / factor * change_ / 100;
  const auto pages_a_percent = at_least_one(pages_to_scan / cpu_percent);
  const std::uint64_t affordable = std::min(wanted, pages_a_percent * knobs_.max_cpu);
  const std::uint64_t useful = std::max(affordable, pages_a_percent * KsmAdvisorKnobs::kMinCpu);
  return std::min(useful, knobs_.max_pages_to_scan);
}

}  // namespace brim::share::model
