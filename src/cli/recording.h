// SPDX-License-Identifier: Apache-2.0
#pragma once
// The record of a run in the store, while the run is made. A store that fails never costs the
// measurement: recording ends, error() tells why, and the command goes on.

#include "base/result.h"
#include "study/store.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include <nlohmann/json.hpp>

namespace brim::cli {

class Recording {
 public:
  // Records nothing (--no-store).
  Recording() = default;
  // Records into it, or tells why it couldn't be opened.
  explicit Recording(Result<study::Store> store);

  // Once; before it, or go_on(), add() and finish() do nothing.
  void begin(const study::RunInfo& info);
  // In place of begin(): a run that the store has open (Store::reopen).
  void go_on(std::int64_t run);
  void add(std::span<const study::Sample> samples);
  // `result` null: there is none.
  void finish(study::RunStatus status, const nlohmann::json& result);

  // The run's number; 0 where there is none.
  [[nodiscard]] std::int64_t run() const { return run_; }
  // The failure that ended recording.
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  // That failure as a line for the report. Only where there is one.
  [[nodiscard]] std::string warning() const;

 private:
  void stop(Error error);

  std::unique_ptr<study::Store> store_;  // null: not recording, or not any more
  std::int64_t run_ = 0;
  std::optional<Error> error_;
};

}  // namespace brim::cli
