// SPDX-License-Identifier: Apache-2.0
#pragma once
// What ksmtuned decides (the shell script of qemu-kvm and of Debian's package ksmtuned, 2015):
// every minute, from free memory and from what guests have in memory, whether KSM runs and how many
// pages a batch has. Pure.

#include "base/units.h"
#include "share/model/mechanism.h"

#include <chrono>
#include <cstdint>

namespace brim::share::model {

// The names and defaults of /etc/ksmtuned.conf.
struct KsmtunedKnobs {
  ModelTime monitor_interval = std::chrono::seconds(60);  // KSM_MONITOR_INTERVAL
  // KSM_SLEEP_MSEC, of a host of 16 GiB; smaller ones sleep longer, larger ones shorter, none less
  // than 10 ms.
  ModelTime sleep = std::chrono::milliseconds(10);
  std::uint64_t pages_boost = 300;       // KSM_NPAGES_BOOST
  std::uint64_t pages_decay = 50;        // KSM_NPAGES_DECAY, without its sign
  std::uint64_t pages_min = 64;          // KSM_NPAGES_MIN
  std::uint64_t pages_max = 1250;        // KSM_NPAGES_MAX
  std::uint64_t threshold_percent = 20;  // KSM_THRES_COEF, of all memory
  std::uint64_t threshold_kib = 2048;    // KSM_THRES_CONST, at least
};

// As /proc/meminfo and ps tell it.
struct HostMemory {
  Bytes total{0};
  Bytes free{0};       // MemFree + Buffers + Cached
  Bytes committed{0};  // resident memory of all guests' processes, shared frames in each of them
};

class Ksmtuned {
 public:
  Ksmtuned(const KsmtunedKnobs& knobs, Bytes total);

  struct Order {
    bool run = false;
    std::uint64_t pages_to_scan = 0;
    ModelTime sleep{0};
  };
  // Once each monitor_interval.
  [[nodiscard]] Order adjust(const HostMemory& memory);
  [[nodiscard]] ModelTime monitor_interval() const { return knobs_.monitor_interval; }

 private:
  KsmtunedKnobs knobs_;
  std::uint64_t threshold_kib_;
  ModelTime sleep_;
  std::int64_t pages_ = 0;
};

}  // namespace brim::share::model
