// SPDX-License-Identifier: Apache-2.0
#pragma once
// The result of `brim run`: JSON ("brim.run/1", data/schemas/run.schema.json), and the document
// that shows it, from that JSON alone, so that a stored run shows again as it did.

#include "base/provenance.h"
#include "base/result.h"
#include "report/document.h"
#include "study/run.h"
#include "study/scenario.h"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

namespace brim::study {

struct StudyOutcome {
  Provenance provenance = Provenance::modelled;
  std::span<const Sample> samples;
  std::uint64_t tasks_done = 0;  // repeats of points
  std::uint64_t tasks = 0;
  std::vector<std::string> notes = {};  // of the backend
};

[[nodiscard]] nlohmann::json study_json(const ScenarioFile& scenario, const StudyOutcome& outcome);
// `bad_input` for JSON of another schema.
[[nodiscard]] Result<report::Document> study_document(const nlohmann::json& study);

}  // namespace brim::study
