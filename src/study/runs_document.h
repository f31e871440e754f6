// SPDX-License-Identifier: Apache-2.0
#pragma once
// The list of runs for `brim runs`: {"runs": [run info]}, in the order given.

#include "report/document.h"
#include "study/run.h"

#include <vector>

namespace brim::study {

[[nodiscard]] report::Document runs_document(const std::vector<RunInfo>& runs);

}  // namespace brim::study
