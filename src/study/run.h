// SPDX-License-Identifier: Apache-2.0
#pragma once
// A run: one execution of a command or scenario, its context, its samples, its result.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "base/provenance.h"

namespace brim::study {

enum class RunStatus : std::uint8_t { running, complete, partial, interrupted, failed };
[[nodiscard]] std::string_view name_of(RunStatus status);

struct Sample {
  std::string metric;   // a name of metric.h's table
  std::string subject;  // "" for the total
  double t_seconds = 0; // since the run's start
  std::uint32_t point = 0;   // of a sweep
  std::uint32_t repeat = 0;
  double value = 0;
  std::optional<double> low;   // 95 % interval where the value is an estimate
  std::optional<double> high;
};

struct RunInfo {
  std::int64_t id = 0;      // given by the store
  std::string area;         // "share"
  std::string command;      // "share scan"
  std::string arguments;    // as typed
  std::string label;        // the user's --label, may be empty
  Provenance provenance = report::Provenance::measured;
  RunStatus status = RunStatus::running;
  std::chrono::system_clock::time_point started;
  std::optional<std::chrono::system_clock::time_point> finished;
  std::string version;      // brim's, with revision
  std::string context_json; // host context: kernel, cpu, memory ... (host::Context as JSON)
};

struct Run {
  RunInfo info;
  std::vector<Sample> samples;  // in the order recorded
  std::string result_json;      // the document's machine form; empty while running
};

}  // namespace brim::study
