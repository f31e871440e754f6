// SPDX-License-Identifier: Apache-2.0
#pragma once
// What a scenario of the area "thrash" is on this machine: consumers that are processes, a limit of
// memory, a swap area, probes, a control. Pure.
//
// With study.scale below 1 memory, the swap area and the accesses of a burst are that much smaller.
// With live.speed above 1 starts, run times and the duration come that much sooner; bursts, their
// pauses and the interval of samples stay as they are. Times of samples and moments among the
// figures are the scenario's, so that curves lie over each other; rates, latencies and lengths of
// time are this machine's.

#include "base/result.h"
#include "base/units.h"
#include "lab/agent/consumer_load.h"
#include "lab/agent/consumer_program.h"
#include "study/scenario.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace brim::thrash::live {

struct ConsumerPlan {
  lab::ConsumerLoad load;                       // of a program only how much memory it takes
  std::optional<lab::ConsumerProgram> program;  // in place of the load; its folder comes later
  std::chrono::nanoseconds start{0};            // this machine's, from the run's start
  std::chrono::nanoseconds end{0};              // its own: a burst that has begun then is finished
  bool interactive = false;
};

// What consumers and probes together get of the disk of a swap file, this machine's seconds
// whatever live.speed and study.scale are; 0: as much as it can.
struct SlowDisk {
  std::uint64_t reads_per_s = 0;   // requests; swap's are a page each (host/io_limits.h)
  std::uint64_t writes_per_s = 0;  // requests
  Bytes rate_per_s{0};             // each way

  [[nodiscard]] bool wanted() const {
    return reads_per_s != 0 || writes_per_s != 0 || rate_per_s != Bytes(0);
  }
};

enum class SwapKind : std::uint8_t { file, zram, zswap };

struct SwapPlan {
  SwapKind kind = SwapKind::file;
  Bytes size{0};
  std::string folder;        // of a file
  double zswap_share_of{0};  // bytes that zswap may take; a host turns them into its percent
  SlowDisk slow;             // of a file, with zswap of the one behind it
};

struct ThrashPlan {
  std::vector<ConsumerPlan> consumers;
  bool whole_machine = false;
  Bytes limit{0};      // of the group
  bool local = false;  // each consumer takes pages out of an equal share of its own
  SwapPlan swap;
  bool probes = true;
  Bytes probe_memory{0};
  std::string program_folder;  // where programs have their folders
  std::string control;         // as asked for
  double speed = 1;            // scenario's time by this machine's
  std::chrono::nanoseconds duration{0};
  std::chrono::nanoseconds sample_interval{0};
  std::vector<std::string> notes;  // what stands for what, a sentence each

  // Of all consumers that run at once at most, from their starts and ends as planned.
  [[nodiscard]] Bytes most_demand() const;
  [[nodiscard]] bool has_programs() const;
  // The longest that preparing all programs may take.
  [[nodiscard]] std::chrono::nanoseconds prepare_time() const;
};

// `bad_input` for what can't be on a Linux host: memory of another machine, nothing left for
// consumers, a limit their processes alone would not fit into, a slower disk where there is no disk
// or no group to have it, shares of memory without a group or for programs, programs of another
// size.
[[nodiscard]] Result<ThrashPlan> plan_thrash(const study::Scenario& scenario);

}  // namespace brim::thrash::live
