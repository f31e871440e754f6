// SPDX-License-Identifier: Apache-2.0
#pragma once
// One load under the kernel's KSM and the same under the simulated one: processes with memory of
// the study's load (lab/agent/load.h), whose writes are drawn from the same seeds in both.
//
// What the model is told from the live run: how long a batch and its sleep take together, and how
// long a cycle of a load takes with its pause, and when each load's first one comes. The kernel
// sleeps in whole ticks, so a sleep of 20 ms lasts longer; and the processors have other work. All
// else it finds by KSM's rules.

#include "lab/agent/load.h"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace brim::live {

struct KsmRow {
  lab::WriteRate write_rate = {};
  std::uint64_t pages_to_scan = 100;
  std::chrono::milliseconds sleep{20};
  std::uint32_t max_page_sharing = 256;
  bool smart_scan = false;
  std::vector<lab::Load> loads = {};  // one a process; write_rate is the row's
  std::uint64_t periods = 12;         // measured, once it has settled
  std::chrono::seconds settling{6};   // until those begin
};

struct KsmSample {
  double t = 0;  // s, since KSM was switched on
  double pages_shared = 0;
  double pages_sharing = 0;
};

// Of a load, s: when its first cycle comes, and how long one takes with its pause.
struct KsmCycles {
  double first = 0;
  double period = 0;
};

struct KsmSeries {
  std::vector<KsmSample> samples;
  double batch_seconds = 0;         // from the start of one to that of the next
  std::vector<KsmCycles> cycles{};  // of each load
  double pages_per_s = 0;           // visited
};

// Of each write period.
struct KsmMeans {
  std::vector<double> shared;
  std::vector<double> sharing;
  double to_ninety_percent = 0;  // s until pages_sharing is nine tenths of its mean
};

// Why the kernel's can't be run here; empty where it can: no KSM, no right to set it, or pages of
// others that could merge, which its counters would count.
[[nodiscard]] std::string why_no_live_ksm();
// KSM's knobs are put back, and nothing stays merged. Other mergeable processes are the caller's to
// keep away.
[[nodiscard]] KsmSeries run_live_ksm(const KsmRow& row);
[[nodiscard]] KsmSeries run_simulated_ksm(const KsmRow& row, const KsmSeries& live);
[[nodiscard]] KsmMeans means_of(const KsmRow& row, const KsmSeries& series);

}  // namespace brim::live
