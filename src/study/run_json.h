// SPDX-License-Identifier: Apache-2.0
#pragma once
// A run's facts as JSON, the same in every document that shows a run.

#include "study/run.h"

#include <nlohmann/json.hpp>

namespace brim::study {

// {id, area, command, arguments, label, provenance, status, started, finished, version, context}:
// times in UTC, `finished` null while it runs, `context` an object or null.
[[nodiscard]] nlohmann::json run_json(const RunInfo& info);

// JSON text from a store; null where it is empty or broken.
[[nodiscard]] nlohmann::json parsed_or_null(const std::string& text);

// A double as a JSON number, a whole one without ".0"; null where it is not finite.
[[nodiscard]] nlohmann::json json_number(double value);

}  // namespace brim::study
