// SPDX-License-Identifier: Apache-2.0
#pragma once
// `brim run --both`: what was measured and what the model says, side by side. JSON
// ("brim.run_both/1", data/schemas/run-both.schema.json) holds both studies whole.

#include "base/result.h"
#include "report/document.h"

#include <nlohmann/json.hpp>

namespace brim::study {

// Of two results of study_json(), of the same scenario.
[[nodiscard]] nlohmann::json both_json(nlohmann::json measured, nlohmann::json modelled);
// `bad_input` for JSON of another schema.
[[nodiscard]] Result<report::Document> both_document(const nlohmann::json& both);

}  // namespace brim::study
