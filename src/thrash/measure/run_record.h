// SPDX-License-Identifier: Apache-2.0
#pragma once
// What happened to the consumers of a run, whoever ran it: what figures of thrashing are reckoned
// from. Times are seconds since the run's start.

#include <cstdint>
#include <optional>
#include <vector>

namespace brim::thrash {

struct ConsumerRecord {
  double start_seconds = 0;
  double due_seconds = 0;               // its own end time
  std::optional<double> ended_seconds;  // or was killed; nothing: it runs on
  bool killed = false;
  std::vector<std::uint64_t> accesses;  // so far, at each of RunRecord::t_seconds
};

struct Latency {
  double t_seconds = 0;  // when it was asked for
  double milliseconds = 0;
};

// Each by ascending time; empty where nothing probed.
struct ProbeRecord {
  std::vector<Latency> wake;
  std::vector<Latency> touch;
  std::vector<Latency> exec;
};

struct RunRecord {
  std::vector<double> t_seconds;  // ascending
  std::vector<ConsumerRecord> consumers;
  ProbeRecord probes;
};

}  // namespace brim::thrash
