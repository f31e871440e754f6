// SPDX-License-Identifier: Apache-2.0
#pragma once
// What the daemon tells of each action, and why: a line an event, for people or as JSON
// (data/schemas/guard-log.schema.json).

#include "base/result.h"
#include "host/journal.h"
#include "share/tune/share_plan.h"
#include "thrash/tune/thrash_plan.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::guard {

enum class LogForm : std::uint8_t { text, json };

class ActionLog {
 public:
  // `sink` gets each line without its end.
  using Sink = std::function<void(const std::string& line)>;
  ActionLog(LogForm form, Sink sink) : form_(form), sink_(std::move(sink)) {}

  // `act`: whether brim changes the host or only says what it would do.
  void started(std::string_view area, bool act);
  void phase(const share::tune::SharePlan& plan);
  void change(const share::tune::KnobChange& change, bool done);
  void advice(const share::tune::Advice& advice);
  void restored(const host::Restored& restored);
  void problem(std::string_view area, const Error& error);

  void domain(const thrash::tune::DomainPlan& plan);
  void action(const thrash::tune::Action& action, const std::vector<std::string>& names, bool done);
  void note(const std::string& domain, const std::string& what);
  // What an earlier guard, or this one at its end, let go.
  void let_go(std::size_t tasks);

 private:
  void tell(std::string_view area, std::string_view event, nlohmann::json fields,
            const std::string& words);

  LogForm form_;
  Sink sink_;
};

}  // namespace brim::guard
