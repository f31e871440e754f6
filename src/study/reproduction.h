// SPDX-License-Identifier: Apache-2.0
#pragma once
// A published study beside ours: JSON ("brim.reproduce/1", data/schemas/reproduce.schema.json, the
// same for every area), and the document that shows it, from that JSON alone.

#include "base/result.h"
#include "report/document.h"
#include "study/published.h"

#include <nlohmann/json.hpp>

namespace brim::study {

// Errors are relative (percent of the published figure) or in points, ours less theirs. The
// summary's are of the predictions among the relative ones. Measured runs, which are smaller and
// of other systems, decide claims alone: there are no cells. Figures are those whose run was made.
[[nodiscard]] nlohmann::json reproduction_json(const PublishedStudy& study, const SeriesByRun& runs,
                                               const LabelsByRun& labels, Provenance of_runs);
[[nodiscard]] Result<report::Document> reproduction_document(const nlohmann::json& reproduction);
// Whether no claim failed.
[[nodiscard]] bool all_claims_held(const nlohmann::json& reproduction);

}  // namespace brim::study
