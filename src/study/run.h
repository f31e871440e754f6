// SPDX-License-Identifier: Apache-2.0
#pragma once
// A run: one execution of a command or scenario, its context, its samples, its result.

#include "base/provenance.h"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace brim::study {

enum class RunStatus : std::uint8_t { running, complete, partial, interrupted, failed };
[[nodiscard]] std::string_view name_of(RunStatus status);

[[nodiscard]] std::optional<RunStatus> run_status_named(std::string_view name);
[[nodiscard]] std::optional<Provenance> provenance_named(std::string_view name);

// The process that makes a run, so that one that died can be told from one at work, even after a
// reboot and when its process number is taken again. Filled by the caller from the host.
struct RunOwner {
  std::string host_id;       // /etc/machine-id, or the host's name; what a reboot does not change
  std::string boot_id;       // /proc/sys/kernel/random/boot_id
  std::int64_t process = 0;  // 0: not told
  std::int64_t process_start_ticks = 0;  // field 22 of /proc/PID/stat
};

struct Sample {
  std::string metric;       // a name of metric.h's table
  std::string subject;      // "" for the total
  double t_seconds = 0;     // since the run's start
  std::uint32_t point = 0;  // of a sweep
  std::uint32_t repeat = 0;
  double value = 0;           // finite
  std::optional<double> low;  // 95 % interval where the value is an estimate
  std::optional<double> high;
};

struct RunInfo {
  std::int64_t id = 0;    // given by the store
  std::string area;       // "share"
  std::string command;    // "share scan"
  std::string arguments;  // as typed
  std::string label;      // the user's --label, may be empty
  Provenance provenance = Provenance::measured;
  RunStatus status = RunStatus::running;
  std::chrono::system_clock::time_point started;
  std::optional<std::chrono::system_clock::time_point> finished;
  std::string version;  // brim's, with revision
  RunOwner owner;
  std::string context_json;  // host context: kernel, cpu, memory ...; may be empty
};

struct Run {
  RunInfo info;
  std::vector<Sample> samples;  // in the order recorded
  std::string result_json;      // the document's machine form; empty while running
};

}  // namespace brim::study
