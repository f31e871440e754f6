// SPDX-License-Identifier: Apache-2.0
#pragma once
// KSM's scan-time advisor (Linux 6.8, mm/ksm.c: scan_time_advisor; advisor_mode=scan-time): after
// each full scan it sets pages_to_scan so that the next takes the target time, smoothed, and within
// bounds of ksmd's processor use. In the kernel's whole numbers, with what they round away.

#include "share/model/mechanism.h"

#include <chrono>
#include <cstdint>

namespace brim::share::model {

// The kernel's names, without advisor_.
struct KsmAdvisorKnobs {
  std::chrono::seconds target_scan_time{200};
  std::uint64_t min_pages_to_scan = 500;  // what it begins with; later it may go below
  std::uint64_t max_pages_to_scan = 30'000;
  std::uint64_t max_cpu = 70;  // percent of one processor

  static constexpr std::uint64_t kMinCpu = 10;  // fixed in the kernel
};

class KsmAdvisor {
 public:
  explicit KsmAdvisor(const KsmAdvisorKnobs& knobs) : knobs_(knobs) {}

  [[nodiscard]] const KsmAdvisorKnobs& knobs() const { return knobs_; }
  void set(const KsmAdvisorKnobs& knobs) { knobs_ = knobs; }

  void scan_began(ModelTime now) { began_ = now; }
  // `cpu` is ksmd's since its start. Gives the new pages_to_scan.
  [[nodiscard]] std::uint64_t scan_ended(ModelTime now, CpuTime cpu, std::uint64_t pages_to_scan);

 private:
  KsmAdvisorKnobs knobs_;
  ModelTime began_{0};
  // Of the scan before:
  std::uint64_t scan_time_ = 0;  // s
  std::uint64_t change_ = 0;     // percent, a moving average
  std::uint64_t cpu_ms_ = 0;
};

}  // namespace brim::share::model
